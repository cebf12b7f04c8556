#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* libpng reports an error by a jump. A jump must not cross a Swift frame, so these few functions
   hold both ends of it: Swift calls them and gets an answer, never a jump. */

/* What a PNG file says of itself, and what is wrong with it if anything is. */
typedef struct {
  png_uint_32 width, height;
  int bit_depth, colour_type, interlaced;
  int cut_short;
  char problem[160];
} figures_png_header;

typedef struct {
  const unsigned char *bytes;
  size_t size, position;
  figures_png_header *header;
} figures_png_source;

static inline void figures_png_fail(png_structp png, png_const_charp problem) {
  figures_png_header *header = (figures_png_header *)png_get_error_ptr(png);
  strncpy(header->problem, problem, sizeof header->problem - 1);
  png_longjmp(png, 1);
}

static inline void figures_png_ignore(png_structp png, png_const_charp warning) {
  (void)png;
  (void)warning;
}

static inline void figures_png_next(png_structp png, png_bytep target, size_t count) {
  figures_png_source *source = (figures_png_source *)png_get_io_ptr(png);
  if (count > source->size - source->position) {
    source->header->cut_short = 1;
    png_error(png, "the file is cut short");
  }
  memcpy(target, source->bytes + source->position, count);
  source->position += count;
}

/* Whether every chunk up to the last one ends inside the file. libpng would ask for the memory that a
   chunk's length announces before it reads the chunk. */
static inline int figures_png_is_whole(const unsigned char *bytes, size_t size) {
  size_t place = 8;
  /* Length, type, contents, checksum. */
  while (place + 12 <= size) {
    const unsigned char *chunk = bytes + place;
    size_t length = (size_t)png_get_uint_32(chunk);
    if (length > size - place - 12) return 0;
    if (memcmp(chunk + 4, "IEND", 4) == 0) return 1;
    place += 12 + length;
  }
  return 0;
}

/* Reads the header and, if `target` is not null, the samples: rows of 1 (grey) or 3 (RGB) channels
   of 8 or, where the file has 16, 16 bits in this machine's byte order; palettes expanded, alpha
   dropped. Returns 0 if something is wrong. */
__attribute__((noinline, unused)) static int figures_png_read(
    const unsigned char *bytes, size_t size, figures_png_header *header, unsigned char *target,
    size_t row_bytes) {
  memset(header, 0, sizeof *header);
  if (!figures_png_is_whole(bytes, size)) {
    header->cut_short = 1;
    return 0;
  }
  figures_png_source source = {bytes, size, 0, header};
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, header, figures_png_fail, figures_png_ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (info == NULL || setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return 0;
  }
  /* The caller has limits of its own, with words of its own. */
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_set_read_fn(png, &source, figures_png_next);
  png_read_info(png, info);
  header->width = png_get_image_width(png, info);
  header->height = png_get_image_height(png, info);
  header->bit_depth = png_get_bit_depth(png, info);
  header->colour_type = png_get_color_type(png, info);
  header->interlaced = png_get_interlace_type(png, info) != PNG_INTERLACE_NONE;
  if (target != NULL) {
    if (header->colour_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (header->colour_type == PNG_COLOR_TYPE_GRAY && header->bit_depth < 8)
      png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_alpha(png);
    const unsigned short one = 1;
    if (header->bit_depth == 16 && *(const unsigned char *)&one == 1) png_set_swap(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != row_bytes) png_error(png, "its rows have a surprising size");
    for (int pass = 0; pass < passes; pass++)
      for (png_uint_32 row = 0; row < header->height; row++)
        png_read_row(png, target + row * row_bytes, NULL);
    png_read_end(png, NULL);
  }
  png_destroy_read_struct(&png, &info, NULL);
  return 1;
}

typedef struct {
  unsigned char *bytes;
  size_t size, capacity;
} figures_png_sink;

static inline void figures_png_append(png_structp png, png_bytep bytes, size_t count) {
  figures_png_sink *sink = (figures_png_sink *)png_get_io_ptr(png);
  if (count > sink->capacity - sink->size) {
    size_t capacity = 2 * sink->capacity + count + 4096;
    unsigned char *grown = (unsigned char *)realloc(sink->bytes, capacity);
    if (grown == NULL) png_error(png, "there is not enough memory");
    sink->bytes = grown;
    sink->capacity = capacity;
  }
  memcpy(sink->bytes + sink->size, bytes, count);
  sink->size += count;
}

static inline void figures_png_flush(png_structp png) { (void)png; }

/* Writes a PNG file into memory that the caller frees. No chunk depends on when or where it was
   written. 16-bit samples are in this machine's byte order. Returns 0 if something is wrong. */
__attribute__((noinline, unused)) static int figures_png_write(
    const unsigned char *samples, png_uint_32 width, png_uint_32 height, size_t row_bytes,
    int colour_type, int bit_depth, int level, int strategy, int filters, figures_png_sink *sink,
    figures_png_header *problem) {
  memset(problem, 0, sizeof *problem);
  png_structp png = png_create_write_struct(
      PNG_LIBPNG_VER_STRING, problem, figures_png_fail, figures_png_ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (info == NULL || setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return 0;
  }
  png_set_write_fn(png, sink, figures_png_append, figures_png_flush);
  png_set_compression_level(png, level);
  png_set_compression_strategy(png, strategy);
  png_set_compression_buffer_size(png, 1 << 18);
  png_set_filter(png, PNG_FILTER_TYPE_BASE, filters);
  png_set_IHDR(
      png, info, width, height, bit_depth, colour_type, PNG_INTERLACE_NONE,
      PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  const unsigned short one = 1;
  if (bit_depth == 16 && *(const unsigned char *)&one == 1) png_set_swap(png);
  for (png_uint_32 row = 0; row < height; row++)
    png_write_row(png, (png_bytep)(samples + row * row_bytes));
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return 1;
}
