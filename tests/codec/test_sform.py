import nibabel as nib
import numpy as np
import pytest

from vesalius.codec.sform import sform
from vesalius.errors import CorruptFileError


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [nib.Nifti1Header, nib.Nifti2Header])
def test_the_rows_are_those_that_nibabel_reads(kind, order):
    header = kind(endianness=order)
    header.set_sform(np.vstack([np.random.default_rng(0).normal(size=(3, 4)), [0, 0, 0, 1]]), code=1)
    np.testing.assert_array_equal(sform(header.binaryblock + bytes(4)), header.get_sform())


@pytest.mark.parametrize("head", [b"", bytes(400), b"\x5c\1\0\0" + bytes(300)])
def test_what_is_no_header_is_refused(head):
    with pytest.raises(CorruptFileError, match="NIfTI header that is none"):
        sform(head)
