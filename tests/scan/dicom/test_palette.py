import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread, examples
from pydicom.pixels import apply_color_lut

from dicom_making import instance, save, save_all
from vesalius.errors import UsageError
from vesalius.scan.colours import in_rgb
from vesalius.scan.open import open_scan
from vesalius.scan.write import write_scan
from vesalius.transforms.prepare import Prepare


def with_palette(descriptor, tables, **more):
    """A picture of all values of 8 bits, with a palette."""
    indices = np.arange(256, dtype=np.uint8).reshape(16, 16)
    words = {}
    for name, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        words[f"{name}PaletteColorLookupTableDescriptor"] = descriptor
        words[f"{name}PaletteColorLookupTableData"] = np.asarray(
            table, "<u2" if descriptor[2] == 16 else "u1"
        ).tobytes()
    return instance(indices, PhotometricInterpretation="PALETTE COLOR", **words | more)


RNG = np.random.default_rng(0)
PALETTES = {
    "a file of pydicom": lambda: dcmread(examples.get_path("palette_color")),
    "8 bits": lambda: with_palette([256, 0, 8], RNG.integers(0, 256, (3, 256))),
    "8 of 16 bits": lambda: with_palette([256, 0, 16], RNG.integers(0, 256, (3, 256)) << 8),
    "a part of the values": lambda: with_palette([100, 50, 8], RNG.integers(0, 256, (3, 100))),
}


@pytest.mark.parametrize("kind", PALETTES)
def test_the_palette_of_dicom_as_pydicom_applies_it(kind, tmp_path):
    data = PALETTES[kind]()
    scan = open_scan(save(data, tmp_path / "in.dcm"))
    assert scan.colour == "palette"
    expected = apply_color_lut(data.pixel_array, data)
    expected = expected if expected.dtype == np.uint8 else (expected >> 8).astype(np.uint8)
    assert "palette colours are given as RGB" in write_scan(scan, tmp_path / "x.png").notes
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png")), expected)
    np.testing.assert_array_equal(Prepare(layout="CJI")(scan), expected.transpose(2, 0, 1))


def test_a_palette_of_16_bits_keeps_them(tmp_path):
    data = with_palette([256, 0, 16], RNG.integers(0, 65536, (3, 256)))
    shown = in_rgb(open_scan(save(data, tmp_path / "in.dcm")))
    np.testing.assert_array_equal(shown.stored()[:, 0, :, :, 0].T, apply_color_lut(data.pixel_array, data))


def test_a_missing_palette_and_two_palettes_are_told_and_refused(tmp_path):
    data = with_palette([256, 0, 8], RNG.integers(0, 256, (3, 256)))
    del data.RedPaletteColorLookupTableDescriptor
    bare = open_scan(save(data, tmp_path / "bare.dcm"))
    many = [with_palette([256, 0, 8], RNG.integers(0, 256, (3, 256)), number=n, InstanceNumber=n) for n in (1, 2)]
    save_all(many, tmp_path / "two")
    for scan in (bare, open_scan(tmp_path / "two")):
        assert any("colours are not known" in problem for problem in scan.problems)
        with pytest.raises(UsageError, match="palette is not known"):
            write_scan(scan, tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
