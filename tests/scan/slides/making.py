"""A small whole-slide image: a tiled pyramidal TIFF with purple tissue on a nearly white background."""

import numpy as np
import tifffile

TISSUE_RGB, GLASS_RGB = (176, 92, 160), (244, 242, 245)


def picture(columns=1024, rows=768, tissue=((128, 128, 512, 384),)):
    """Level 0 (J, I, RGB) with rectangles (x, y, width, height) of tissue, noise of the camera included."""
    pixels = np.empty((rows, columns, 3))
    pixels[:] = GLASS_RGB
    for x, y, width, height in tissue:
        pixels[y : y + height, x : x + width] = TISSUE_RGB
    noise = np.random.default_rng(0).normal(0, 2, pixels.shape)
    return np.clip(np.round(pixels + noise), 0, 255).astype(np.uint8)


def write_slide(path, pixels=None, *, um_per_pixel=0.25, levels=3):
    """Write the picture and its halves; `um_per_pixel` None leaves it out. Returns the levels."""
    pyramid = [picture() if pixels is None else pixels]
    for _ in range(levels - 1):
        last = pyramid[-1].astype(np.float64)
        rows, columns = last.shape[0] // 2 * 2, last.shape[1] // 2 * 2
        last = last[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2, 3).mean(axis=(1, 3))
        pyramid.append(np.round(last).astype(np.uint8))
    stated = {}
    if um_per_pixel is not None:
        stated = {"resolution": (1e4 / um_per_pixel, 1e4 / um_per_pixel), "resolutionunit": "CENTIMETER"}
    with tifffile.TiffWriter(path) as file:
        for number, level in enumerate(pyramid):
            options = stated if number == 0 else {"subfiletype": 1}
            file.write(level, photometric="rgb", tile=(128, 128), metadata=None, compression="zlib", **options)
    return pyramid
