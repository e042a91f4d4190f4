import gzip
import zlib

import imagecodecs
import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluate.codec.fake import cine
from vesalius.tasks.evaluate.codec.plain import METHODS, as_16_bit, compressed_bytes


def test_16_bit_integers_are_taken_as_a_nifti_file_holds_them():
    stored = cine()
    image = nib.Nifti1Image(stored[0].transpose(1, 2, 3, 0), np.eye(4))
    assert image.to_bytes().endswith(as_16_bit(stored).tobytes())


@pytest.mark.parametrize("dtype", ["u1", "i1", "?", "i2", "u2", "i4", "u8", "f4", "f8", ">i2", ">f4"])
@given(data=st.data())
def test_whole_numbers_are_kept(dtype, data):
    low, high = (0, 1) if dtype == "?" else (-128, 127) if dtype == "i1" else (0, 255)
    array = np.array(data.draw(st.lists(st.integers(low, high), min_size=4, max_size=4))).reshape(1, 1, 2, 1, 2)
    plain = as_16_bit(array.astype(dtype))
    assert plain.dtype.itemsize == 2
    assert plain.astype(int).tolist() == array.transpose(0, 1, 4, 3, 2).ravel().tolist()


@pytest.mark.parametrize("values", [[0.5, 1], [np.nan, 1], [np.inf, 0], [-1, 40000], [0, 65536], [1e300, 0]])
def test_what_is_not_16_bit(values):
    assert as_16_bit(np.array(values).reshape(1, 1, 2, 1, 1)) is None
    assert as_16_bit(np.ones((1, 1, 2, 1, 1), dtype=complex)) is None


def test_unsigned_where_it_must_be():
    assert as_16_bit(np.array([0, 65535.0]).reshape(1, 1, 2, 1, 1)).tolist() == [0, 65535]


def test_sizes_are_those_of_the_tools():
    values = as_16_bit(cine())
    data = values.tobytes()
    assert [compressed_bytes(method, values) for method in METHODS] == [
        len(imagecodecs.zstd_encode(data, level=19)),
        len(zlib.compress(data, 9)) + 12,  # a gzip member has a head and tail of 18 bytes, a zlib stream of 6
        len(gzip.compress(data, 6, mtime=0)),
    ]
