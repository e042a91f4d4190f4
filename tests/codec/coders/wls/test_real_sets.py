"""wls on real scans: fewer bytes than JPEG XL, effort 7, on the same ranks, by what we state."""

import imagecodecs
import nibabel as nib
import numpy as np
import pytest

from real_data import real
from vesalius.codec.chunking import STACK
from vesalius.codec.coders.wls.coder import Wls

pytestmark = pytest.mark.data


def ranks(path):
    """Stored values as numbers from 0 on: ranks where less than half of the range occurs. (I, J, K[, T]) to uint16."""
    stored = np.asarray(nib.load(path).dataobj.get_unscaled()).astype(np.int64)
    table = np.unique(stored)
    packed = np.searchsorted(table, stored) if 2 * len(table) <= np.ptp(stored) + 1 else stored - stored.min()
    return packed.astype(np.uint16)


def gain(chunks):
    bits = max(int(chunk.max()) for chunk in chunks).bit_length()
    ours = theirs = 0
    for x_NJI in chunks:
        data = Wls().encode(x_NJI, bits, None, 1)
        assert np.array_equal(Wls().decode(data, x_NJI.shape, bits, 1), x_NJI)
        ours += len(data)
        for x_JI in x_NJI.astype(np.uint8 if bits <= 8 else np.uint16):
            options = {"effort": 7, "lossless": True, "bitspersample": bits, "usecontainer": False, "numthreads": 1}
            theirs += len(imagecodecs.jpegxl_encode(x_JI, **options))
    return 1 - ours / theirs


@pytest.mark.parametrize("folder", ["cine-acdc-sample", "cine-sunnybrook"])
def test_cine(folder):
    chunks = []
    for path in sorted(real(folder).rglob("*_4d.nii*"))[:4]:
        packed = ranks(path)
        chunks.append(np.ascontiguousarray(packed[:, :, packed.shape[2] // 2].transpose(2, 1, 0)))
    assert gain(chunks) > 0.2


def test_volumes():
    volumes = [ranks(path).transpose(2, 1, 0) for path in sorted(real("hippocampus-msd/imagesTr").glob("*.nii*"))[::25]]
    assert gain([np.ascontiguousarray(volume) for volume in volumes]) > 0.08
    body = np.ascontiguousarray(ranks(real("ct-body/example_ct.nii.gz")).transpose(2, 1, 0))
    assert gain(np.array_split(body, -(-len(body) // STACK))) > 0.08
