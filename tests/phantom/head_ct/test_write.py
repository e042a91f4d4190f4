import csv
import hashlib
import json

import numpy as np
import pytest

from phantom.head_ct.heads import small
from vesalius.cohort.audit.run import audit
from vesalius.cohort.build import build_cohort
from vesalius.errors import OutputError
from vesalius.phantom.head_ct.labels import LABELS, BleedName
from vesalius.phantom.head_ct.write import write_head_ct
from vesalius.scan.open import open_scan

OPTIONS = small(matrix=64, slices=16, thickness_mm=9, seed=2, studies_per_patient=(1, 2))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads") / "out"
    return write_head_ct(folder, OPTIONS, 4)


def test_tables_agree_with_masks(cohort):
    with (cohort.path / "series.csv").open() as file:
        series = list(csv.DictReader(file))
    with (cohort.path / "slices.csv").open() as file:
        slices = list(csv.DictReader(file))
    assert len(series) == cohort.studies
    assert len({row["patient_id"] for row in series}) == cohort.patients == 4
    assert len({row["study_uid"] for row in series}) == len(series)
    assert all(row["study_uid"].startswith("2.25.") and len(row["study_uid"]) <= 64 for row in series)
    for row in series:
        mask = open_scan(cohort.path / row["nifti_path"].replace(".nii.gz", "_mask.nii.gz")).stored()[0, 0]
        for name in BleedName:
            assert int(row[name.value]) == int((mask == name.mask_value).any())
        rows = [one for one in slices if one["path"] == row["nifti_path"]]
        assert [int(one["any"]) for one in rows] == (mask > 0).any(axis=(0, 1)).astype(int).tolist()
    assert cohort.positive == {name: sum(int(row[name]) for row in series) for name in LABELS}
    assert cohort.largest_volume_error < 0.1


def test_scans_open_in_hu_on_their_grid(cohort):
    scan = open_scan(cohort.path / "P0001" / "S1.nii.gz")
    assert scan.shape == (1, 1, 64, 64, 16)
    assert scan.spacing_mm[2] == pytest.approx(9)
    assert scan.orientation == "LPS"
    assert scan.stored().min() >= -1024
    truth = json.loads((cohort.path / "truth.json").read_text())
    assert set(truth) == {str(path.relative_to(cohort.path)) for path in cohort.path.glob("P*/S?.nii.gz")}


def test_the_pipeline_reads_it_and_finds_nothing_wrong(cohort):
    found = build_cohort("rsna-ich", cohort.path)
    assert len(found) == cohort.studies
    assert [one for one in audit(found).findings if one.level == "error"] == []


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("P*/*")
    }


def test_a_patient_is_the_same_in_a_smaller_cohort(cohort, tmp_path):
    fewer = write_head_ct(tmp_path / "out", OPTIONS, 2)
    assert digests(fewer.path).items() <= digests(cohort.path).items()
    with pytest.raises(OutputError, match="exists already"):
        write_head_ct(tmp_path / "out", OPTIONS, 1)


def test_bleeds_cannot_be_told_by_bright_volume_alone():
    """The volume of 50 to 90 HU of heads without blood overlaps that of heads with blood."""
    from vesalius.phantom.head_ct.labels import Tissue
    from vesalius.phantom.head_ct.study import head_ct_study

    def bright(study):
        inside = study.tissue_IJK >= Tissue.CSF
        return ((study.image_IJK[inside] > 50) & (study.image_IJK[inside] < 90)).mean()

    normal = [bright(head_ct_study(small(bleeds=[], matrix=80, slices=20, thickness_mm=7.5), n)) for n in range(8)]
    faint = [{"type": "intraparenchymal", "volume_ml": 2, "hu": 45}]
    bleeding = [
        bright(head_ct_study(small(bleeds=faint, matrix=80, slices=20, thickness_mm=7.5), n)) for n in range(8, 14)
    ]
    assert np.max(normal) > np.min(bleeding)
