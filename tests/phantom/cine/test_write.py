import hashlib
import json

import nibabel as nib
import numpy as np
import pytest

from phantom.cine.hearts import SMALL, patient
from vesalius.errors import OutputError
from vesalius.phantom.cine.write import write_cine
from vesalius.scan.open import open_scan

OPTIONS = SMALL.model_copy(update={"patients": 2, "size": 64, "labels_4d": True})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort") / "cine"
    return folder, write_cine(folder, OPTIONS)


def test_the_layout_is_that_of_acdc(written):
    folder, summary = written
    assert summary.patients == 2
    assert summary.groups == {"NOR": 1, "DCM": 1}
    assert summary.largest_ef_error < 1
    assert sorted(one.name for one in folder.iterdir()) == ["patient001", "patient002"]
    info = dict(line.split(": ") for line in (folder / "patient001" / "Info.cfg").read_text().splitlines())
    assert list(info) == ["ED", "ES", "Group", "Height", "NbFrame", "Weight"]
    assert (info["ED"], info["Group"], info["NbFrame"]) == ("1", "NOR", "10")
    es = f"patient001_frame{int(info['ES']):02d}"
    assert sorted(one.name for one in (folder / "patient001").iterdir()) == sorted([
        "Info.cfg", "truth.json", "patient001_4d.nii.gz", "patient001_4d_gt.nii.gz", "patient001_frame01.nii.gz",
        "patient001_frame01_gt.nii.gz", f"{es}.nii.gz", f"{es}_gt.nii.gz",
    ])  # fmt: skip


def test_the_scan_opens_with_its_time_and_place(written):
    folder, _ = written
    scan = open_scan(folder / "patient001" / "patient001_4d.nii.gz")
    assert scan.shape[:4] == (1, 10, 64, 64)
    assert scan.dtype == np.dtype("int16")
    assert scan.t_meaning == "time"
    assert scan.problems == ()
    made = patient("patient001", OPTIONS)
    assert scan.frame_ms == pytest.approx(made.frame_ms, abs=0.01)
    assert scan.affine == pytest.approx(made.affine, abs=1e-4)
    assert np.array_equal(scan.stored()[0], made.image_TIJK)


def test_headers_say_mm_and_seconds(written):
    folder, _ = written
    header = nib.load(folder / "patient002" / "patient002_4d.nii.gz").header
    assert header.get_xyzt_units() == ("mm", "sec")
    assert 0.05 < header.get_zooms()[3] < 0.15
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 1)
    assert header.get_qform() == pytest.approx(header.get_sform(), abs=1e-3)


def test_frames_and_labels_are_cut_from_the_whole(written):
    folder, _ = written
    one = folder / "patient002"
    es = json.loads((one / "truth.json").read_text())["es_frame"]
    image, labels = (np.asanyarray(nib.load(one / f"patient002_4d{end}.nii.gz").dataobj) for end in ("", "_gt"))
    for frame in (1, es):
        name = one / f"patient002_frame{frame:02d}"
        assert np.array_equal(nib.load(f"{name}.nii.gz").dataobj, image[..., frame - 1])
        found = nib.load(f"{name}_gt.nii.gz")
        assert found.get_data_dtype() == np.uint8
        assert np.array_equal(found.dataobj, labels[..., frame - 1])


def test_the_truth_agrees_with_the_files(written):
    folder, _ = written
    truth = json.loads((folder / "patient001" / "truth.json").read_text())
    file = nib.load(folder / "patient001" / "patient001_frame01_gt.nii.gz")
    voxel_ml = np.prod(file.header.get_zooms()[:3]) / 1000
    assert (np.asarray(file.dataobj) == 3).sum() * voxel_ml == pytest.approx(truth["requested"]["lv_edv_ml"], rel=0.01)
    assert truth["measured"]["lv_ef"] == pytest.approx(truth["requested"]["lv_ef"], abs=0.01)


def hashes(folder):
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_the_same_seed_gives_the_same_bytes(written, tmp_path):
    folder, _ = written
    write_cine(tmp_path / "again", OPTIONS.model_copy(update={"patients": 1}))
    again = hashes(tmp_path / "again")
    assert again.items() <= hashes(folder).items()
    assert len(again) == 8


def test_an_existing_cohort_is_refused(written):
    folder, _ = written
    with pytest.raises(OutputError):
        write_cine(folder, OPTIONS)
