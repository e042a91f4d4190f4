import numpy as np
import pytest
from PIL import Image

from real_data import real
from vesalius.cohort.build import build_cohort
from vesalius.cohort.builders.boxes import BoxOptions, box_cases
from vesalius.cohort.case import Box, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.read import open_image
from vesalius.cohort.split import split_cohort
from vesalius.errors import ConfigError, UsageError

COLUMNS, ROWS = 40, 20
PIXELS = np.random.default_rng(0).integers(0, 256, (ROWS, COLUMNS, 3)).astype(np.uint8)


def cohort_of(root, *boxes, count=1):
    cases = []
    for number in range(count):
        Image.fromarray(PIXELS).save(root / f"p{number}.png")
        cases.append(Case(id=f"p{number}", images={"image": f"p{number}.png"}, boxes=boxes))
    return Cohort(tuple(cases), root)


def box(label, left, top, right, bottom):
    return Box(label=label, left=left / COLUMNS, top=top / ROWS, right=right / COLUMNS, bottom=bottom / ROWS)


def regions(cohort):
    return [case.images["image"].partition("#region/")[2] for case in cohort]


def test_a_case_is_the_square_around_a_box(tmp_path):
    cohort = box_cases(cohort_of(tmp_path, box("a", 10, 6, 20, 12), box("b", 30, 2, 32, 4)), BoxOptions(margin=0.2))
    first, second = cohort
    assert regions(cohort) == ["8,2,14,14", "30,2,3,3"]  # 10 + 2 x 0.2 x 10 around (15, 9); 2.8 around (31, 3)
    assert (first.id, first.study, first.patient) == ("p0-001", "p0", None)
    assert (first.labels, second.labels) == ({"a": 1, "b": 0}, {"a": 0, "b": 1})
    assert first.facts == {"box_width_px": 10, "box_height_px": 6}
    scan = open_image(cohort, first, "image")
    assert (scan.shape, scan.colour) == ((3, 1, 14, 14, 1), "rgb")
    np.testing.assert_array_equal(scan.stored()[:, 0, :, :, 0], PIXELS[2:16, 8:22].transpose(2, 1, 0))


def test_squares_stay_inside_the_picture(tmp_path):
    corner, wide = box("a", 36, 0, 40, 4), box("a", 0, 5, 40, 10)
    assert regions(box_cases(cohort_of(tmp_path, corner, wide), BoxOptions(margin=0.5))) == ["32,0,8,8", "0,0,40,20"]
    assert regions(box_cases(cohort_of(tmp_path, corner, wide), BoxOptions(side=12))) == ["28,0,12,12", "14,2,12,12"]


def test_places_count_once_and_not_with_two_labels(tmp_path):
    same = box("a", 10, 6, 20, 12)
    cohort = box_cases(cohort_of(tmp_path, same, same, box("b", 2, 2, 6, 6), box("c", 2, 2, 6, 6)), BoxOptions())
    assert [case.id for case in cohort] == ["p0-001"]
    assert cohort.notes == (
        "boxes that repeat another one, left out: 1",
        "places whose boxes have several labels, left out: 1",
    )


def test_a_picture_is_never_divided(tmp_path):
    boxes = [box("a", 4 * n, 2, 4 * n + 3, 6) for n in range(8)]
    cohort = split_cohort(box_cases(cohort_of(tmp_path, *boxes, count=6), BoxOptions()), seed=3)
    splits = {case.study: {other.split for other in cohort if other.study == case.study} for case in cohort}
    assert all(len(of_picture) == 1 for of_picture in splits.values())
    assert set(cohort.splits) == {"train", "val", "test"}


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_manifests_hold_regions(tmp_path, suffix):
    (tmp_path / "far").mkdir()
    cohort = box_cases(cohort_of(tmp_path, box("a", 10, 6, 20, 12)), BoxOptions())
    write_manifest(cohort, tmp_path / "far" / f"m.{suffix}")
    again = read_manifest(tmp_path / "far" / f"m.{suffix}")
    assert again.cases[0].images == {"image": f"../{cohort.cases[0].images['image']}"}
    assert open_image(again, again.cases[0], "image").shape == (3, 1, 12, 12, 1)


def test_options_that_exclude_each_other(tmp_path):
    with pytest.raises(ConfigError, match="margin and side exclude each other"):
        BoxOptions.build(margin=0.1, side=3)
    (tmp_path / "a.xml").write_text(
        "<a><size><width>40</width><height>20</height></size><object><name>x</name><bndbox><xmin>1</xmin><xmax>9</xmax>"
        "<ymin>1</ymin><ymax>9</ymax></bndbox></object></a>"
    )
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match="write unit=box too"):
        build_cohort("voc", tmp_path, ["side=12"])
    (case,) = build_cohort("voc", tmp_path, ["side=12", "unit=box", "patient=."])
    assert (case.patient, case.study) == ("a", "a")


def test_blood_cells():
    cohort = build_cohort("voc", real("blood-cells/BCCD"), ["unit=box"])
    counts = {name: sum(case.labels[name] for case in cohort) for name in cohort.classes}
    assert counts == {"RBC": 4153, "WBC": 372, "Platelets": 361}  # of 4,155 RBC two boxes have no area
    assert all(sum(case.labels.values()) == 1 for case in cohort)
    assert len({case.study for case in cohort}) == 364
