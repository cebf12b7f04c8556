"""Writes the small images that the codec tests read, and the bundled example images.

    python Fixtures/record/images.py            # Pillow 13, numpy, tifffile, scikit-image
    python Fixtures/record/images.py --stardist FOLDER_WITH_THE_WHEEL

Expected values are written as .npy of uint8 or int32 beside each image: what Pillow decodes
(`convert("RGB")`), or, for 16 bits, the very array that was written. PNG variants that Pillow does
not write are put together from chunks here.
"""

import argparse
import glob
import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parents[2] / "Fixtures" / "images"
CODEC = ROOT / "codec"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, depth, colour, interlaced=False, before_data=b"", after_data=b""):
    """A PNG of `samples` [H, W, channels]; filter 0; Adam7 if interlaced."""
    height, width, channels = samples.shape

    def rows(part):
        out = b""
        for row in part:
            flat = row.reshape(-1)
            if depth == 16:
                out += b"\0" + flat.astype(">u2").tobytes()
            elif depth == 8:
                out += b"\0" + flat.astype("u1").tobytes()
            else:
                bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype("u1")
                out += b"\0" + np.packbits(bits.reshape(-1)).tobytes()
        return out

    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        data = b""
        for top, left, down, across in passes:
            part = samples[top::down, left::across]
            if part.size:
                data += rows(part)
    else:
        data = rows(samples)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before_data
            + chunk(b"IDAT", zlib.compress(data, 9)) + after_data + chunk(b"IEND", b""))


def expect(name, array):
    np.save(CODEC / f"{name}.npy", np.ascontiguousarray(array))


def record_png():
    random = np.random.default_rng(7)
    height, width = 11, 13

    def noise(depth, channels):
        return random.integers(0, 2**depth, (height, width, channels))

    cases = {f"grey{d}": (noise(d, 1), d, GREY) for d in (1, 2, 4, 8, 16)}
    cases |= {
        "grey-alpha8": (noise(8, 2), 8, GREY_ALPHA), "grey-alpha16": (noise(16, 2), 16, GREY_ALPHA),
        "rgb8": (noise(8, 3), 8, RGB), "rgb16": (noise(16, 3), 16, RGB),
        "rgba8": (noise(8, 4), 8, RGBA), "rgba16": (noise(16, 4), 16, RGBA),
        "grey4-interlaced": (noise(4, 1), 4, GREY), "rgb8-interlaced": (noise(8, 3), 8, RGB),
        "rgb16-interlaced": (noise(16, 3), 16, RGB),
    }
    for name, (samples, depth, colour) in cases.items():
        data = png(samples, depth, colour, interlaced="interlaced" in name)
        (CODEC / f"{name}.png").write_bytes(data)
        if depth == 16:
            colours = samples[:, :, :3] if colour in (RGB, RGBA) else samples[:, :, :1].repeat(3, 2)
            expect(name, colours.astype("int32"))
        else:
            expect(name, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    for depth in (1, 2, 4, 8):
        count = min(2**depth, 40)
        palette = random.integers(0, 256, (count, 3)).astype("u1").tobytes()
        indices = random.integers(0, count, (height, width, 1))
        for suffix, extra in {"": b"", "-transparent": chunk(b"tRNS", bytes([0, 128]))}.items():
            data = png(indices, depth, PALETTE, before_data=chunk(b"PLTE", palette) + extra)
            name = f"palette{depth}{suffix}"
            (CODEC / f"{name}.png").write_bytes(data)
            expect(name, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    # A header that promises 60,000 columns and has nothing behind it, and one of 8,000 x 8,000.
    for name, (columns, rows) in {"too-wide": (60000, 10), "too-many": (8000, 8000)}.items():
        header = struct.pack(">IIBBBBB", columns, rows, 8, RGB, 0, 0, 0)
        (CODEC / f"{name}.png").write_bytes(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


def record_png_orientations():
    """An eXIf chunk before the pixels or, for even orientations, after them."""
    samples = np.random.default_rng(8).integers(0, 256, (11, 13, 3))
    for orientation in range(1, 9):
        exif = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
        place = "after_data" if orientation % 2 == 0 else "before_data"
        data = png(samples, 8, RGB, **{place: chunk(b"eXIf", exif)})
        name = f"png-orientation{orientation}"
        (CODEC / f"{name}.png").write_bytes(data)
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        expect(name, np.asarray(upright.convert("RGB")))


def record_jpeg():
    y, x = np.mgrid[0:37, 0:50]
    smooth = np.stack([x * 5, y * 6, 255 - x * 2 - y * 3], 2).clip(0, 255).astype("u1")
    smooth[8:20, 10:30] = [220, 40, 30]
    colour, grey = Image.fromarray(smooth), Image.fromarray(smooth[:, :, 1])
    kinds = {
        "grey": (grey, {}), "ycc444": (colour, {"subsampling": 0}),
        "ycc420": (colour, {"subsampling": 2}), "ycc422": (colour, {"subsampling": 1}),
        "progressive": (colour, {"progressive": True}),
        "restarts": (colour, {"restart_marker_blocks": 2}),
    }
    for name, (image, options) in kinds.items():
        image.save(CODEC / f"{name}.jpg", quality=85, **options)
        expect(name, np.asarray(Image.open(CODEC / f"{name}.jpg").convert("RGB")))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        name = f"orientation{orientation}"
        colour.save(CODEC / f"{name}.jpg", quality=85, exif=exif)
        upright = ImageOps.exif_transpose(Image.open(CODEC / f"{name}.jpg"))
        expect(name, np.asarray(upright.convert("RGB")))
    colour.convert("CMYK").save(CODEC / "cmyk.jpg", quality=85)
    # The same header with another size: 60,000 columns.
    data = bytearray((CODEC / "ycc444.jpg").read_bytes())
    frame = data.index(b"\xff\xc0")
    data[frame + 7:frame + 9] = struct.pack(">H", 60000)
    (CODEC / "too-wide.jpg").write_bytes(data)


def record_examples(folder):
    import tifffile
    wheel = zipfile.ZipFile(next(iter(glob.glob(f"{folder}/stardist-*"))))

    def tif(name):
        return tifffile.imread(io.BytesIO(wheel.read(f"stardist/data/images/{name}")))

    image, labels = tif("img2d.tif").astype("float64"), tif("mask2d.tif")
    # Least to greatest intensity becomes 0 to 255: no percentiles, nothing is clipped.
    least, greatest = image.min(), image.max()
    eight = np.round((image - least) / (greatest - least) * 255).astype("u1")
    print("nuclei", image.shape, least, greatest, "labels", labels.max(), labels.dtype)
    Image.fromarray(eight).save(ROOT / "nuclei.png", optimize=True)
    Image.fromarray(labels.astype("u2")).save(ROOT / "nuclei-labels.png", optimize=True)
    import skimage
    data = Path(skimage.__file__).parent / "data"
    for name in ("ihc.png", "coins.png"):
        found = Image.open(data / name)
        print(name, found.size, found.mode)
        found.save(ROOT / name, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--stardist", help="a folder with the wheel of stardist")
    arguments = parser.parse_args()
    CODEC.mkdir(parents=True, exist_ok=True)
    record_png()
    record_png_orientations()
    record_jpeg()
    if arguments.stardist:
        record_examples(arguments.stardist)
