import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.encaps import get_frame

from dicom_making import TEST_FILES
from vesalius.errors import InputError
from vesalius.scan.dicom import codestream

RAMP = np.arange(24 * 40, dtype=np.uint16).reshape(24, 40)
STREAMS = {
    "jpeg": (imagecodecs.jpeg_encode(RAMP.astype(np.uint8)), (24, 40, 1, 8)),
    "jpeg colour": (imagecodecs.jpeg_encode(np.dstack([RAMP] * 3).astype(np.uint8)), (24, 40, 3, 8)),
    "jpeg-ls": (imagecodecs.jpegls_encode(RAMP), (24, 40, 1, None)),
    "jpeg 2000": (imagecodecs.jpeg2k_encode(RAMP, codecformat="j2k"), (24, 40, 1, None)),
    "jpeg 2000 in its box": (imagecodecs.jpeg2k_encode(RAMP, codecformat="jp2"), (24, 40, 1, None)),
}


@pytest.mark.parametrize("name", STREAMS)
def test_sizes_are_those_that_were_encoded(name):
    data, (rows, columns, samples, precision) = STREAMS[name]
    found = codestream.parse(data)
    assert (found.rows, found.columns, found.samples) == (rows, columns, samples)
    assert found.precision == precision or (precision is None and 10 <= found.precision <= 16)


@pytest.mark.parametrize(
    ("name", "rgb", "jfif"), [("SC_rgb_dcmtk_+eb+cr.dcm", True, False), ("SC_rgb_jpeg_dcmtk.dcm", False, True)]
)
def test_colours_of_jpeg_are_read(name, rgb, jfif):
    found = codestream.parse(get_frame(dcmread(TEST_FILES / name).PixelData, 0, number_of_frames=1))
    assert (found.rgb, found.jfif) == (rgb, jfif)
    assert codestream.parse(STREAMS["jpeg colour"][0]).jfif


@given(st.sampled_from(sorted(STREAMS)), st.data())
def test_damage_gives_none_or_a_header_and_never_an_exception(name, draw):
    data = bytearray(STREAMS[name][0])
    for _ in range(draw.draw(st.integers(1, 8))):
        data[draw.draw(st.integers(0, min(len(data), 120) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    found = codestream.parse(bytes(data[:cut]))
    assert found is None or found.rows >= 0


@pytest.mark.parametrize(
    ("stream", "length", "size", "words"),
    [
        (codestream.Codestream(24, 40, 1, 8), 900, (24, 41, 1, 8), "41 x 24"),
        (codestream.Codestream(24, 40, 3, 8), 900, (24, 40, 1, 8), "1 sample"),
        (codestream.Codestream(24, 40, 1, 12), 900, (24, 40, 1, 8), "12 bits"),
        (None, 100, (1000, 1000, 1, 16), "promises frames of 2000000 bytes"),
        (codestream.Codestream(60000, 60000, 1, 8), 10**6, (60000, 60000, 1, 8), "promises"),
    ],
)
def test_what_does_not_fit_the_header_is_refused(stream, length, size, words):
    with pytest.raises(InputError, match=words):
        codestream.check(stream, length, *size)


def test_what_fits_passes():
    codestream.check(codestream.Codestream(24, 40, 1, 12), 900, 24, 40, 1, 16)
    codestream.check(None, 2000, 24, 40, 1, 16)
