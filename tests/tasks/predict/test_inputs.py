from pathlib import Path

import numpy as np
import pytest

from cohort.tars import write
from dicom_making import placed, save_all
from tasks.segment.small import make_cohort
from vesalius.errors import InputError, UsageError
from vesalius.scan.open import open_scan
from vesalius.scan.reading import Reading
from vesalius.tasks.predict.inputs import find_inputs


def test_files_folders_and_manifests(tmp_path):
    manifest = make_cohort(tmp_path / "one", ("train", "val"))
    make_cohort(tmp_path / "two", ("train",))
    found, failed = find_inputs([manifest, tmp_path / "two" / "c0.nii.gz", tmp_path / "none.nii"], ("image",))
    assert [one.names[:2] for one in found] == [("c0",), ("c1",), ("two-c0", "c0")]
    assert [one.source for one in found] == ["one/m.jsonl case 1", "one/m.jsonl case 2", "two/c0.nii.gz"]
    assert [one["path"] for one in failed] == [str(tmp_path / "none.nii")]
    first, third = found[0].open()["image"], found[2].open()["image"]
    np.testing.assert_array_equal(first.stored(), third.stored())


def test_a_label_map_in_a_folder_belongs_to_the_scan_beside_it(tmp_path):
    make_cohort(tmp_path, ("train", "val"))
    scan = (tmp_path / "c0.nii.gz").read_bytes()
    for name in ("c0_mask", "other_mask"):
        (tmp_path / f"{name}.nii.gz").write_bytes(scan)
    found, _ = find_inputs([tmp_path], ("image",))
    assert {study.names[0] for study in found if study.is_label_map} == {"c0_mask", "c0_seg", "c1_seg"}
    assert {"c0", "c1", "other_mask"} <= {study.names[0] for study in found if not study.is_label_map}
    ((named,), _) = find_inputs([tmp_path / "c0_mask.nii.gz"], ("image",))
    assert not named.is_label_map


def test_shards(tmp_path):
    make_cohort(tmp_path, ("train",))
    (tmp_path / "shards").mkdir()
    write(tmp_path / "shards" / "train-0.tar", [("k.nii.gz", (tmp_path / "c0.nii.gz").read_bytes())])
    for place in (tmp_path / "shards", tmp_path / "shards" / "train-0.tar"):
        ((one,), failed) = find_inputs([place], ("image",))
        assert (one.names, failed) == (("k",), [])
        assert one.open()["image"].shape == open_scan(tmp_path / "c0.nii.gz").shape


def test_a_table_of_series(tmp_path):
    make_cohort(tmp_path, ("train", "val"))
    table = tmp_path / "series.csv"
    table.write_text("nifti_path,any\nc0.nii.gz,1\nnone.nii.gz,0\n.,0\nc1.nii.gz,0\n")
    found, failed = find_inputs([table], ("image",))
    assert [one.names[0] for one in found] == ["c0", "c1"]
    assert [one["reason"] for one in failed] == ["nifti_path leads to no file", "nifti_path is a folder"]
    assert found[1].open()["image"].shape[0] == 1
    assert [one.source.partition(" ")[2] for one in found] == ["line 2", "line 5"]
    assert [one["source"].partition(" ")[2] for one in failed] == ["line 3", "line 4"]


def test_lines_of_a_table_with_blank_lines_and_a_file_that_comes_twice(tmp_path):
    make_cohort(tmp_path, ("train", "val"))
    table = tmp_path / "series.csv"
    table.write_text("nifti_path;any\n\nc0.nii.gz;1\n./c0.nii.gz;1\nnone.nii.gz;0\n.\\c1.nii.gz;0\n\n")
    found, failed = find_inputs([table], ("image",))
    assert [(one.names[0], one.source.partition(" ")[2]) for one in found] == [("c0", "line 3"), ("c1", "line 6")]
    assert [one["source"].partition(" ")[2] for one in failed] == ["line 5"]


def test_several_images_need_a_manifest(tmp_path):
    make_cohort(tmp_path, ("train",))
    with pytest.raises(UsageError, match="the model takes t1, t2 of each study"):
        find_inputs([tmp_path / "c0.nii.gz"], ("t1", "t2"))


def test_scans_of_one_name_are_told_apart_by_their_folders(tmp_path, monkeypatch):
    """By as many as are needed, and the source leads back to each."""
    for name in ("d/P1/S1", "d/P2/S1", "d/P1/only", "d/P1/ct/x", "d/P2/ct/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / f"{name}.npy", np.zeros((2, 2, 2)))
    found, _ = find_inputs([tmp_path / "d"], ("image",))
    names = {one.source: one.names[0] for one in found}
    assert names == {
        "d/P1/S1.npy": "P1-S1",
        "d/P2/S1.npy": "P2-S1",
        "d/P1/only.npy": "only",
        "d/P1/ct/x.npy": "P1-ct-x",
        "d/P2/ct/x.npy": "P2-ct-x",
    }
    monkeypatch.chdir(tmp_path)
    twice, _ = find_inputs([Path("d/P1/S1.npy"), Path("d/P1/S1.npy"), Path("d/../d/P2")], ("image",))
    assert [one.source for one in twice[:3]] == ["d/P1/S1.npy", "d/P1/S1.npy", "d/../d/P2/S1.npy"]
    assert [one.names for one in twice[:2]] == [("P1-S1", "S1", "d-P1-S1")] * 2
    monkeypatch.chdir(tmp_path / "d")
    found, _ = find_inputs([Path()], ("image",))
    assert [one.source for one in found] == ["P1/S1.npy", "P1/ct/x.npy", "P1/only.npy", "P2/S1.npy", "P2/ct/x.npy"]


def test_what_cannot_be_read_fails_and_takes_no_name(tmp_path):
    make_cohort(tmp_path / "in", ("train",))
    (tmp_path / "in" / "c0_seg.nii.gz").unlink()
    (tmp_path / "in" / "m.jsonl").unlink()
    (tmp_path / "in" / "c0.zip").write_bytes(b"PK\x03\x04")
    found, failed = find_inputs([tmp_path / "in"], ("image",))
    assert [one.names[0] for one in found] == ["c0"]
    (one,) = failed
    assert (one["source"], one["reason"]) == ("in/c0.zip", "is a zip archive")
    assert one["error"] == f"{tmp_path}/in/c0.zip: is a zip archive; unpack it first"


def test_the_choice_that_a_refusal_of_a_case_names_works(tmp_path):
    """A manifest leaves open what the command line decides; its own choice comes first."""
    stated = [{"RescaleSlope": 1, "RescaleIntercept": -1000}, {}]
    many = [placed(np.full((4, 5), 900, np.int16), (0, 0, 3 * n), **more) for n, more in enumerate(stated)]
    save_all(many, tmp_path / "ct")
    manifest = tmp_path / "m.csv"
    manifest.write_text("id;image;reading:assume_rescale\nopen;ct;\nchosen;ct;[1, 0]\n")
    (bare, _), _ = find_inputs([manifest], ("image",))
    with pytest.raises(InputError, match="pass --assume-rescale"):
        bare.open()["image"].values()
    (bare, chosen), _ = find_inputs([manifest], ("image",), Reading(assume_rescale=(1.0, -1000.0)))
    assert np.unique(bare.open()["image"].values()).tolist() == [-100]
    assert np.unique(chosen.open()["image"].values()).tolist() == [-100, 900]


def test_one_of_several_series(tmp_path):
    slices = [
        placed(
            np.full((4, 4), 7 * n, np.int16), (0, 0, 2 * n), number=10 * series + n, SeriesInstanceUID=f"1.2.{series}"
        )
        for series in (7, 8)
        for n in range(3)
    ]
    save_all(slices, tmp_path)
    assert len(find_inputs([tmp_path], ("image",))[0]) == 2
    ((one,), failed) = find_inputs([tmp_path], ("image",), Reading("2.8"))
    assert (one.names[0], failed) == ("ct-series-2", [])
    assert one.open()["image"].shape == (1, 1, 4, 4, 3)
    with pytest.raises(UsageError, match=r"no series that ends in 9; choose from 1\.2\.7, 1\.2\.8"):
        find_inputs([tmp_path], ("image",), Reading("9"))
