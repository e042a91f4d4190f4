import numpy as np

from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.read import open_image
from vesalius.phantom.position import PositionOptions, position_volume, write_position


def test_the_same_bytes_whatever_the_number_of_patients(tmp_path):
    few = write_position(tmp_path / "few", PositionOptions(patients=2, size=(8, 8, 4)))
    more = write_position(tmp_path / "more", PositionOptions(patients=3, size=(8, 8, 4)))
    for name in ("P0001.nii.gz", "P0002.nii.gz"):
        assert (few.path / name).read_bytes() == (more.path / name).read_bytes()
    cohort = read_manifest(more.manifest)
    assert [case.patient for case in cohort] == ["P0001", "P0002", "P0003"]
    scan = open_image(cohort, cohort.cases[2], "image")
    np.testing.assert_array_equal(scan.values()[0, 0], position_volume(PositionOptions(patients=3, size=(8, 8, 4)), 2))


def test_each_axis_says_where():
    """Brightness along i, fewer turns of the wave along j, contrast along k."""
    volume = position_volume(PositionOptions(size=(32, 64, 48), noise=0, gain=0), 0).astype(float)
    assert np.all(np.diff(volume.mean((1, 2))) > 0)
    wave = (volume - volume.mean((1, 2), keepdims=True))[0]
    signs = (np.diff(np.sign(wave), axis=1) != 0).sum(1)
    assert signs[:8].mean() > 2 * signs[-8:].mean()
    contrast = wave.std(0)
    assert contrast[:8].mean() < contrast[-8:].mean()
