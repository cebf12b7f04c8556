#include <stddef.h>
#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>
#include <string.h>

/* libjpeg asks its caller to leave by a jump when it meets an error, and otherwise ends the
   program. A jump must not cross a Swift frame, so this function holds both ends of it. */

/* What a JPEG file says of itself, and what is wrong with it if anything is. */
typedef struct {
  unsigned int width, height;
  int components, bit_depth, progressive;
  /* The colours of the file: JCS_GRAYSCALE, JCS_YCbCr, JCS_RGB, JCS_CMYK, JCS_YCCK, JCS_UNKNOWN. */
  int colours;
  int cut_short;
  /* Whether libjpeg cannot read files of this kind at all. */
  int unsupported;
  char problem[JMSG_LENGTH_MAX];
  unsigned int exif_size;
} figures_jpeg_header;

typedef struct {
  struct jpeg_error_mgr manager;
  jmp_buf jump;
  figures_jpeg_header *header;
} figures_jpeg_errors;

static inline void figures_jpeg_note(j_common_ptr jpeg) {
  figures_jpeg_errors *errors = (figures_jpeg_errors *)jpeg->err;
  /* The first thing that went wrong explains the rest. */
  if (errors->header->problem[0] == 0) {
    jpeg->err->format_message(jpeg, errors->header->problem);
    switch (jpeg->err->msg_code) {
      case JERR_SOF_UNSUPPORTED:
      case JERR_BAD_PRECISION:
      case JERR_ARITH_NOTIMPL:
      case JERR_NOT_COMPILED:
        errors->header->unsupported = 1;
    }
    errors->header->cut_short =
        jpeg->err->msg_code == JWRN_JPEG_EOF || jpeg->err->msg_code == JERR_INPUT_EOF;
  }
}

static inline void figures_jpeg_fail(j_common_ptr jpeg) {
  figures_jpeg_note(jpeg);
  longjmp(((figures_jpeg_errors *)jpeg->err)->jump, 1);
}

/* libjpeg goes on after damage, with grey where the image was; these warnings are errors here.
   Three say something of a header's taste and nothing of the samples. */
static inline void figures_jpeg_warn(j_common_ptr jpeg, int level) {
  int code = jpeg->err->msg_code;
  if (level < 0 && code != JWRN_NOT_SEQUENTIAL && code != JWRN_ADOBE_XFORM
      && code != JWRN_JFIF_MAJOR)
    figures_jpeg_fail(jpeg);
}

static inline void figures_jpeg_progress(j_common_ptr jpeg) {
  /* A few bytes can ask for any number of passes over a large image. */
  if (((j_decompress_ptr)jpeg)->input_scan_number > 300) {
    figures_jpeg_errors *errors = (figures_jpeg_errors *)jpeg->err;
    strcpy(errors->header->problem, "It has more than 300 scans");
    longjmp(errors->jump, 1);
  }
}

/* Reads the header, the EXIF block into 65,536 bytes at `exif` and, if `target` is not null, the
   samples: rows of 1 (grey) or 3 (RGB) bytes per pixel. Returns 0 if something is wrong. */
__attribute__((noinline, unused)) static int figures_jpeg_read(
    const unsigned char *bytes, size_t size, figures_jpeg_header *header, unsigned char *exif,
    unsigned char *target, size_t row_bytes) {
  memset(header, 0, sizeof *header);
  struct jpeg_decompress_struct jpeg;
  struct jpeg_progress_mgr progress;
  figures_jpeg_errors errors;
  memset(&jpeg, 0, sizeof jpeg);
  memset(&progress, 0, sizeof progress);
  jpeg.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = figures_jpeg_fail;
  errors.manager.emit_message = figures_jpeg_warn;
  errors.header = header;
  if (setjmp(errors.jump)) {
    jpeg_destroy_decompress(&jpeg);
    return 0;
  }
  jpeg_create_decompress(&jpeg);
  progress.progress_monitor = figures_jpeg_progress;
  jpeg.progress = &progress;
  jpeg_mem_src(&jpeg, (unsigned char *)bytes, size);
  jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&jpeg, TRUE);
  header->width = jpeg.image_width;
  header->height = jpeg.image_height;
  header->components = jpeg.num_components;
  header->bit_depth = jpeg.data_precision;
  header->progressive = jpeg.progressive_mode;
  header->colours = jpeg.jpeg_color_space;
  for (jpeg_saved_marker_ptr marker = jpeg.marker_list; marker; marker = marker->next)
    if (marker->data_length > 6 && memcmp(marker->data, "Exif\0", 6) == 0) {
      header->exif_size = marker->data_length - 6;
      memcpy(exif, marker->data + 6, header->exif_size);
      break;
    }
  if (target != NULL) {
    jpeg.out_color_space = jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&jpeg);
    if ((size_t)jpeg.output_width * jpeg.output_components == row_bytes) {
      while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = target + (size_t)jpeg.output_scanline * row_bytes;
        jpeg_read_scanlines(&jpeg, &row, 1);
      }
      jpeg_finish_decompress(&jpeg);
    } else {
      strcpy(header->problem, "Its rows have a surprising size");
      longjmp(errors.jump, 1);
    }
  }
  jpeg_destroy_decompress(&jpeg);
  return 1;
}

/* Writes rows of 1 (grey) or 3 (RGB) bytes per pixel as a JPEG file into memory that the caller
   frees. Returns 0 if there is not enough memory. */
__attribute__((noinline, unused)) static int figures_jpeg_write(
    const unsigned char *pixels, unsigned int width, unsigned int height, int components,
    int quality, unsigned char **bytes, unsigned long *size) {
  struct jpeg_compress_struct jpeg;
  figures_jpeg_header header;
  figures_jpeg_errors errors;
  memset(&jpeg, 0, sizeof jpeg);
  memset(&header, 0, sizeof header);
  *bytes = NULL;
  *size = 0;
  jpeg.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = figures_jpeg_fail;
  errors.header = &header;
  if (setjmp(errors.jump)) {
    jpeg_destroy_compress(&jpeg);
    return 0;
  }
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, bytes, size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = components;
  jpeg.in_color_space = components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  jpeg.optimize_coding = TRUE;
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < height) {
    JSAMPROW row = (JSAMPROW)pixels + (size_t)jpeg.next_scanline * width * components;
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  return 1;
}
