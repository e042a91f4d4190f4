import json

import numpy as np
import pytest
from PIL import Image

from vesalius.cohort.box_maps import box_map
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import InputError, UsageError
from vesalius.tasks.cohort.draw import draw_boxes, lines

DISC = {"label": "disc", "left": 0.1, "top": 0.2, "right": 0.4, "bottom": 0.6}
LESION = {"label": "lesion", "left": 0.6, "top": 0.6, "right": 0.7, "bottom": 0.8}


@pytest.fixture
def manifest(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    rows = []
    for number, boxes in enumerate([[DISC], [DISC, LESION, LESION], []]):
        Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(folder / f"{number}.png")
        rows.append({"id": f"eye {number}", "images": {"image": f"{number}.png"}, "boxes": boxes, "split": "train"})
    path = folder / "manifest.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_boxes_become_label_maps_labels_and_captions(manifest, tmp_path):
    result = draw_boxes(manifest, tmp_path / "out", classes=["lesion", "disc"], caption="eye")
    drawn = read_manifest(result.path)
    source = read_manifest(manifest)
    assert [case.id for case in drawn] == [case.id for case in source]
    assert [case.caption for case in drawn] == ["eye, disc", "eye, lesion, disc", "eye"]
    assert [case.labels for case in drawn] == [{"disc": 1}, {"lesion": 1, "disc": 1}, {}]
    assert [case.split for case in drawn] == ["train"] * 3
    for case, boxed in zip(drawn, source, strict=True):
        assert drawn.path(case.images["image"]).samefile(source.path(boxed.images["image"]))
        assert case.boxes == boxed.boxes
        if boxed.boxes:
            expected = box_map(boxed.boxes, ["lesion", "disc"], (20, 30))
            assert np.array_equal(np.asarray(Image.open(drawn.path(case.masks["mask"]))), expected)
            assert expected.max() == 2
        else:
            assert not case.masks
    assert (result.labels, result.boxes) == ({"lesion": 1, "disc": 2}, {"lesion": 2, "disc": 2})
    assert (result.cases, result.without) == (3, 1)
    assert result.captions == {"eye, disc": 1, "eye, lesion, disc": 1, "eye": 1}
    assert "for training: data.labels={lesion: [1], disc: [2]}" in list(lines(result))


def test_a_case_whose_boxes_are_all_of_other_classes_has_no_map(manifest, tmp_path):
    result = draw_boxes(manifest, tmp_path / "out", classes=["lesion"], shape="box")
    drawn = read_manifest(result.path).cases
    assert [bool(case.masks) for case in drawn] == [False, True, False]
    assert [case.caption for case in drawn] == [None] * 3
    assert result.without == 2


def test_all_classes_by_name_where_none_is_chosen(manifest, tmp_path):
    assert draw_boxes(manifest, tmp_path / "out").labels == {"disc": 1, "lesion": 2}


def test_captions_stay_where_no_subject_is_given(manifest, tmp_path):
    rows = [json.loads(line) | {"caption": "as written"} for line in manifest.read_text().splitlines()]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = draw_boxes(manifest, tmp_path / "out")
    assert {case.caption for case in read_manifest(result.path)} == {"as written"}


@pytest.mark.parametrize(
    ("classes", "message"), [(["disk"], "no box is called disk"), (["disc", "disc"], "disc is named twice")]
)
def test_classes_that_cannot_be_drawn(manifest, tmp_path, classes, message):
    with pytest.raises(UsageError, match=message):
        draw_boxes(manifest, tmp_path / "out", classes=classes)
    assert not (tmp_path / "out").exists()


def test_a_cohort_without_boxes(manifest, tmp_path):
    manifest.write_text(manifest.read_text().splitlines()[-1] + "\n")
    with pytest.raises(UsageError, match="no case has a box"):
        draw_boxes(manifest, tmp_path / "out")


def test_label_maps_are_never_replaced(manifest, tmp_path):
    first = draw_boxes(manifest, tmp_path / "out")
    with pytest.raises(UsageError, match="2 cases have a label map already, namely eye 0, eye 1"):
        draw_boxes(first.path, tmp_path / "again")


def test_a_missing_picture_is_named(manifest, tmp_path):
    (manifest.parent / "1.png").unlink()
    with pytest.raises(InputError, match=r"1\.png"):
        draw_boxes(manifest, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_case_of_several_images_is_refused(manifest, tmp_path):
    row = json.loads(manifest.read_text().splitlines()[0])
    row["images"] = {"left": "0.png", "right": "1.png"}
    manifest.write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match="eye 0: has 2 images"):
        draw_boxes(manifest, tmp_path / "out")
