from dataclasses import replace

import nibabel as nib
import pytest

from vesalius.errors import ConfigError, OutputError
from vesalius.tasks.phantom import (
    cine_lines,
    head_ct_lines,
    phantom_cine,
    phantom_head_ct,
    phantom_position,
    position_lines,
)

SMALL = ("size=64", "frames=8")
SMALL_HEADS = ("matrix=64", "slices=12", "thickness_mm=12")


def test_a_cine_cohort_with_its_truth(tmp_path):
    result = phantom_cine(tmp_path / "out", 2, 7, (*SMALL, "groups=[HCM, RV]"))
    assert (result.patients, result.groups) == (2, {"HCM": 1, "RV": 1})
    assert result.largest_ef_error < 1
    assert nib.load(tmp_path / "out" / "patient001" / "patient001_4d.nii.gz").shape[3] == 8
    assert next(iter(cine_lines(result))) == "2 patients: 1 HCM, 1 RV"


def test_wrong_options_of_the_cine_phantom(tmp_path):
    with pytest.raises(ConfigError, match="nois: no such key; did you mean 'noise'"):
        phantom_cine(tmp_path / "out", 1, 0, ("nois=0.1",))
    with pytest.raises(ConfigError, match="size: 9 was given"):
        phantom_cine(tmp_path / "out", 1, 0, ("size=9",))
    (tmp_path / "mine").touch()
    with pytest.raises(OutputError, match="exists already"):
        phantom_cine(tmp_path, 1, 0, SMALL)


def test_volumes_that_say_where_they_lie(tmp_path):
    result = phantom_position(tmp_path / "out", 2, 1, ("size=[8,8,4]",))
    assert nib.load(tmp_path / "out" / "P0002.nii.gz").shape == (8, 8, 4)
    assert list(position_lines(result)) == ["2 patients", str(tmp_path / "out" / "manifest.jsonl")]
    with pytest.raises(ConfigError, match="nois: no such key"):
        phantom_position(tmp_path / "other", 2, 1, ("nois=1",))


def test_a_head_ct_cohort_with_its_truth(tmp_path):
    result = phantom_head_ct(
        tmp_path / "out", 2, 1, (*SMALL_HEADS, "prevalence={any: 1, subdural: 1}", "studies_per_patient=[1, 1]")
    )
    assert (result.patients, result.studies, result.positive["any"]) == (2, 2, 2)
    first, note, positive, *_ = head_ct_lines(result)
    assert first.startswith("2 patients, 2 studies; positive: any 2")
    assert note.startswith("note: every study has a bleed, so nothing can be learned")
    assert positive == f"a study with a bleed to look at: {tmp_path / 'out' / 'P0001' / 'S1.nii.gz'}"
    none = replace(result, positive={"any": 0}, first_positive=None)
    assert [line.startswith("note: no study has a bleed") for line in head_ct_lines(none)][1:2] == [True]
    assert not any("look at" in line for line in head_ct_lines(none))


def test_wrong_options_of_the_head_ct_phantom(tmp_path):
    with pytest.raises(ConfigError, match=r"prevalence\.subdual: no such key; did you mean 'subdural'"):
        phantom_head_ct(tmp_path / "out", 1, 0, ("prevalence.subdual=0.1",))
    with pytest.raises(ConfigError, match="no single type can be more frequent than any"):
        phantom_head_ct(tmp_path / "out", 1, 0, ("prevalence.any=0.01",))
