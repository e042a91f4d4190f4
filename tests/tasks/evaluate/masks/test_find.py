import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tasks.evaluate.masks.making import heart, write
from vesalius.errors import InputError
from vesalius.scan.geometry import spacing_mm
from vesalius.scan.reading import Reading
from vesalius.tasks.evaluate.masks.find import Mask, find_masks, ignored_files, match_masks


def manifest(path, *cases):
    path.write_text("".join(json.dumps({"images": {"image": "x_4d.nii"}} | case) + "\n" for case in cases))
    return path


def test_a_folder_of_masks(tmp_path):
    for name in ("b.nii.gz", "sub/a.nii", ".hidden.nii", "notes.txt"):
        write(tmp_path / name, heart(4)) if name.endswith((".nii", ".gz")) else (tmp_path / name).write_text("x")
    found = find_masks(tmp_path)
    assert [(one.case, one.name, one.patient, one.keys) for one in found] == [
        ("b", "mask", "b", ("b",)),
        ("a", "mask", "a", ("sub/a", "a")),
    ]
    assert found[0].open().shape == (1, 1, 20, 20, 4)


def test_pictures_of_a_report_are_no_masks(tmp_path):
    """`vesalius predict` writes a picture of each map, under the name of the map."""
    write(tmp_path / "p1.nii.gz", heart(4))
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "p1.png").write_bytes(b"a picture")
    assert [one.where.name for one in find_masks(tmp_path)] == ["p1.nii.gz"]


def test_in_the_layout_of_acdc_only_references_are_masks(tmp_path):
    for name in ("p1_4d", "p1_frame01", "p1_frame01_gt", "p1_frame07_gt", "p2_ED_gt"):
        write(tmp_path / f"{name}.nii.gz", heart(4))
    found = find_masks(tmp_path)
    assert [(one.case, one.name, one.frame) for one in found] == [
        ("p1", "frame01", 0),
        ("p1", "frame07", 6),
        ("p2", "ED", None),
    ]
    assert found[0].keys == ("p1_frame01",)
    assert found[0].cine_keys == ("p1_4d", "p1")
    assert ignored_files(tmp_path) == ["p1_4d.nii.gz", "p1_frame01.nii.gz"]
    assert ignored_files(tmp_path / "p1_4d.nii.gz") == []


def test_one_file(tmp_path):
    (one,) = find_masks(write(tmp_path / "only_gt.nii", heart(4)))
    assert (one.case, one.title, one.keys) == ("only", "only", ("only",))


def test_a_manifest_of_cines(tmp_path):
    case = {"id": "c1", "patient": "secret", "split": "val", "masks": {"ED": "m/c1_ED.nii", "es": "m/c1_x_gt.nii"}}
    path = manifest(tmp_path / "m.jsonl", case | {"frames": {"ED": 0, "es": 4}})
    one, two = find_masks(path)
    assert (one.case, one.name, one.title, one.frame, one.split) == ("c1", "ED", "c1 ED", 0, "val")
    assert (two.name, two.structure, two.frame) == ("ES", "", 4)
    assert two.keys == ("c1/es", "m/c1_x", "c1_x", "c1_es")
    assert two.cine_keys == ("c1", "x_4d")
    assert one.patient == two.patient == "secret"


def test_masks_of_several_things_are_told_apart(tmp_path):
    path = manifest(tmp_path / "m.jsonl", {"id": "c", "masks": {"lesion": "a.nii", "organ": "b.nii"}})
    assert [one.structure for one in find_masks(path)] == ["lesion", "organ"]


def test_moments_that_are_cases_of_their_own_belong_together(tmp_path):
    cases = [{"id": f"p1_frame{n}", "patient": "p1", "masks": {"mask": f"{n}.nii"}} for n in ("01", "09")]
    assert [(one.case, one.name) for one in find_masks(manifest(tmp_path / "m.jsonl", *cases))] == [
        ("p1", "frame01"),
        ("p1", "frame09"),
    ]


def test_where_no_mask_is(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        find_masks(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no mask"):
        find_masks(tmp_path)
    with pytest.raises(InputError, match="no case has a mask"):
        find_masks(manifest(tmp_path / "m.jsonl", {"id": "c"}))


def test_files_of_one_name_in_several_folders_are_of_several_patients(tmp_path):
    for name in (
        "P1/seg.nii.gz",
        "P2/seg.nii.gz",
        "P1/h_ED.nii.gz",
        "P1/h_ES.nii.gz",
        "P2/h_ED.nii.gz",
        "x.nii",
        "x.png",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = {str(one.where.relative_to(tmp_path)): (one.title, one.patient) for one in find_masks(tmp_path)}
    assert found == {
        "P1/h_ED.nii.gz": ("P1/h ED", "P1"),
        "P1/h_ES.nii.gz": ("P1/h ES", "P1"),
        "P1/seg.nii.gz": ("P1/seg", "P1"),
        "P2/h_ED.nii.gz": ("P2/h ED", "P2"),
        "P2/seg.nii.gz": ("P2/seg", "P2"),
        "x.nii": ("x.nii", "x"),
        "x.png": ("x.png", "x"),
    }


def test_choices_reach_the_masks_of_a_manifest(tmp_path):
    image = nib.Nifti1Image(np.ones((4, 3, 2), np.uint8), None)
    image.set_sform(np.eye(4), 2)
    image.header["pixdim"][1:4] = (1.25, 1.5, 9)
    nib.save(image, tmp_path / "m.nii")
    (tmp_path / "m.csv").write_text("id,image,mask,reading:spacing_from\nopen,x.nii,m.nii,\nchosen,x.nii,m.nii,sform\n")
    masks = find_masks(tmp_path / "m.csv", Reading(spacing_from="pixdim"))
    assert [spacing_mm(mask.open().geometry) for mask in masks] == [(1.25, 1.5, 9), (1, 1, 1)]


def named(*keys, cine=(), split=None, name="mask"):
    return Mask(keys[0], name, "", keys[0], lambda: None, Path(keys[0]), keys, cine, split=split)


def matched(predicted, reference):
    pairs, alone = match_masks(predicted, reference)
    return [(pair.predicted.keys[0], pair.reference.keys[0]) for pair in pairs], alone


def test_by_name():
    pairs, alone = matched([named("b"), named("a"), named("x")], [named("a"), named("b"), named("y")])
    assert pairs == [("a", "a"), ("b", "b")]
    assert alone == {"y": "no predicted mask", "x": "no reference mask"}


def test_two_files_are_a_pair():
    assert matched([named("a")], [named("b")]) == ([("a", "b")], {})


def test_a_name_that_means_several_is_no_match():
    predicted = [named("s1/seg", "seg"), named("s3/seg", "seg")]
    pairs, alone = matched(predicted, [named("s1/seg", "seg"), named("s2/seg", "seg")])
    assert pairs == [("s1/seg", "s1/seg")]
    assert alone == {"s2/seg": "no predicted mask", "s3/seg": "no reference mask"}
    _, alone = matched(predicted, [named("seg"), named("other")])
    assert alone["seg"] == "2 predicted masks are called seg"


def test_a_cine_serves_all_its_moments():
    moments = [named(f"c/{name}", cine=("c",), name=name) for name in ("ED", "ES")]
    assert matched([named("c")], moments) == ([("c", "c/ED"), ("c", "c/ES")], {})
    exact = [named("c"), named("c/ED")]
    assert matched(exact, moments)[0] == [("c/ED", "c/ED"), ("c", "c/ES")]
    assert [pair.by_cine for pair in match_masks(exact, moments)[0]] == [False, True]


def test_another_moment_is_no_counterpart():
    moments = [named(f"c/{name}", cine=("c",), name=name) for name in ("ED", "ES")]
    pairs, alone = matched(moments[:1], moments)
    assert pairs == [("c/ED", "c/ED")]
    assert alone == {"c/ES ES": "no predicted mask"}
