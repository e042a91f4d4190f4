"""What a picture file holds beside its values, by name: text, resolution, colour profile. None of it is kept."""

from __future__ import annotations

import warnings

from PIL import Image

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.scan.pictures import png_chunks
from vesalius.scan.pictures.picture import Picture

_PNG_PICTURE = frozenset({"IHDR", "PLTE", "IDAT", "IEND", "tRNS"})
_PNG_NAMES = {
    "tEXt": "text",
    "zTXt": "text",
    "iTXt": "text",
    "pHYs": "resolution",
    "tIME": "time",
    "eXIf": "EXIF",
    "iCCP": "colour profile",
    "gAMA": "gamma",
    "sRGB": "sRGB intent",
    "cHRM": "primaries",
    "bKGD": "background",
    "sBIT": "significant bits",
}
_TIFF_PICTURE = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 284, 292, 293, 296, 297, 317, 320}
    | {322, 323, 324, 325, 330, 332, 338, 339, 347, 512, 513, 514, 530, 531, 532}
)
"""Tags that say how the values are stored; a writer makes them itself."""
_RESOLUTION = frozenset({282, 283})


def beside(picture: Picture) -> list[str]:
    """Names of what is there, each once.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        return list(dict.fromkeys({"png": _png, "jpeg": _jpeg, "tiff": _tiff}[picture.kind](picture)))
    except Exception as error:  # decoders raise nearly anything
        raise InputError("cannot be read", where=picture.path) from error


def _png(picture: Picture) -> list[str]:
    kinds = png_chunks.kinds(regular(picture.path).read_bytes())
    names = [_PNG_NAMES.get(kind, kind) for kind in kinds if kind not in _PNG_PICTURE]
    return names + (["bytes behind the picture"] if png_chunks.left_over(picture.path) else [])


def _jpeg(picture: Picture) -> list[str]:
    names = {"exif": "EXIF", "icc_profile": "colour profile", "comment": "text", "photoshop": "Photoshop data"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(regular(picture.path), formats=["JPEG"]) as image:
            found = [name for key, name in names.items() if image.info.get(key)]
            return found + (["resolution"] if image.info.get("jfif_unit") else [])


def _tiff(picture: Picture) -> list[str]:
    from tifffile import TiffFile

    with TiffFile(regular(picture.path)) as file:
        tags = [tag for page in file.pages for tag in getattr(page, "tags", ())]
        return [
            "resolution" if tag.code in _RESOLUTION else tag.name
            for tag in tags
            if tag.code not in _TIFF_PICTURE and not (tag.code in _RESOLUTION and tag.value in ((1, 1), (0, 0), (0, 1)))
        ]
