import nibabel as nib
import numpy as np

from vesalius.phantom.nifti import write_nifti


def test_frames_and_volumes(tmp_path):
    array = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    affine = np.diag([-1.5, -1.5, 8, 1.0])
    affine[:3, 3] = 10, 20, -30
    write_nifti(tmp_path / "cine.nii.gz", array, affine, 0.03)
    write_nifti(tmp_path / "one.nii.gz", array[:1].astype(np.uint8), affine)
    cine, one = nib.load(tmp_path / "cine.nii.gz"), nib.load(tmp_path / "one.nii.gz")
    np.testing.assert_array_equal(np.asarray(cine.dataobj), array.transpose(1, 2, 3, 0))
    np.testing.assert_array_equal(np.asarray(one.dataobj), array[0])
    for image in (cine, one):
        np.testing.assert_allclose(image.affine, affine)
        np.testing.assert_allclose(image.get_qform(), affine, atol=1e-5)
    assert cine.header.get_xyzt_units() == ("mm", "sec")
    assert cine.header.get_zooms()[3] == np.float32(0.03)
    write_nifti(tmp_path / "again.nii.gz", array, affine, 0.03)
    assert (tmp_path / "again.nii.gz").read_bytes() == (tmp_path / "cine.nii.gz").read_bytes()
