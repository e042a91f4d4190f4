import nibabel as nib
import pytest

from vesalius.errors import ConfigError, OutputError
from vesalius.tasks.phantom.cine import lines, phantom_cine

SMALL = ("size=64", "frames=8")


def test_a_cohort_with_what_is_known_of_it(tmp_path):
    result = phantom_cine(tmp_path / "out", 2, 7, (*SMALL, "groups=[HCM, RV]"))
    assert (result["patients"], result["groups"]) == (2, {"HCM": 1, "RV": 1})
    assert result["largest_ef_error"] < 1
    assert nib.load(tmp_path / "out" / "patient001" / "patient001_4d.nii.gz").shape[3] == 8
    assert next(iter(lines(result))) == "2 patients: 1 HCM, 1 RV"


def test_what_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="nois: no such key; did you mean 'noise'"):
        phantom_cine(tmp_path / "out", 1, 0, ("nois=0.1",))
    with pytest.raises(ConfigError, match="size: 9 was given"):
        phantom_cine(tmp_path / "out", 1, 0, ("size=9",))
    (tmp_path / "mine").touch()
    with pytest.raises(OutputError, match="exists already"):
        phantom_cine(tmp_path, 1, 0, SMALL)
