import json
import sys

import numpy as np
import pytest
import tifffile

from scan.slides.making import picture, write_slide
from vesalius.cohort.build import build_cohort
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from vesalius.cohort.manifest import write_manifest
from vesalius.cohort.read import open_image
from vesalius.cohort.split import split_cohort
from vesalius.errors import InputError, MissingExtraError
from vesalius.tasks.cohort.audit import audit_cohort
from vesalius.tasks.cohort.build import build_manifest
from vesalius.transforms.prepare import Prepare

OPTIONS = ["tile=64", "um_per_pixel=0.5"]


@pytest.fixture
def folder(tmp_path):
    """Two slides with tissue, one without, one that is no slide and one that is cut."""
    (tmp_path / "in").mkdir()
    write_slide(tmp_path / "in" / "P1-a.tif")
    write_slide(tmp_path / "in" / "P2-b.tif", picture(tissue=[(0, 0, 256, 256)]))
    write_slide(tmp_path / "in" / "glass.tif", picture(tissue=[]))
    tifffile.imwrite(tmp_path / "in" / "logo.tif", picture(64, 64))
    whole = (tmp_path / "in" / "P1-a.tif").read_bytes()
    (tmp_path / "in" / "cut.svs").write_bytes(whole[: len(whole) // 2])
    return tmp_path / "in"


def test_tiles_with_tissue_are_cases(folder):
    cohort = build_cohort("slides", folder, OPTIONS)
    assert len(cohort) == 12 + 4
    first = cohort.cases[0]
    assert first.images == {"image": "P1-a.tif#region/128,128,128,128/64x64"}
    assert (first.id, first.study, first.patient) == ("P1-a-128-128", "P1-a.tif", None)
    assert cohort.notes == (
        "tiles of 64 x 64 pixels at 0.5 um per pixel from 2 of 4 slides, 50% tissue at least",
        "TIFF files that are no whole-slide images, left out: 1 (logo.tif)",
        "slides that cannot be read, left out: 1 (cut.svs: is no whole-slide image that openslide can read)",
        "no tissue, left out: 1 (glass.tif)",
        "no patients known: the tiles of one slide stay together; set patient=REGEX or table=MANIFEST",
    )
    tile = open_image(cohort, first, "image").stored()[:, 0, :, :, 0]
    level = write_slide(folder / "again.tif")[1]
    np.testing.assert_array_equal(tile, level[64:128, 64:128].transpose(2, 1, 0))


def test_patients_come_from_the_name_or_a_table(folder):
    by_name = build_cohort("slides", folder, [*OPTIONS, "patient=P."])
    assert {case.patient for case in by_name} == {"P1", "P2"}
    splits = split_cohort(by_name, (1, 1, 0))
    assert all(len({case.split for case in splits if case.patient == name}) == 1 for name in ("P1", "P2"))
    rows = [
        Case(id="x", patient="one", images={"image": "P1-a.tif"}, labels={"tumour": 1}, facts={"age": 61}, split="val"),
        Case(id="y", patient="two", study="s", images={"image": "P2-b.tif"}),
    ]
    (folder / "tables").mkdir()
    write_manifest(Cohort(tuple(rows), folder), folder / "tables" / "slides.csv")
    cohort = build_cohort("slides", folder, [*OPTIONS, "table=tables/slides.csv"])
    first, last = cohort.cases[0], cohort.cases[-1]
    assert (first.id, first.patient, first.study) == ("x-128-128", "one", "x")
    assert (first.labels, first.facts, first.split) == ({"tumour": 1}, {"age": 61}, "val")
    assert first.images["image"].startswith("P1-a.tif#region/")
    assert (last.patient, last.study, last.labels) == ("two", "s", {})


def test_a_random_choice_of_tiles_depends_on_the_seed(folder):
    def chosen(*options):
        cases = build_cohort("slides", folder / "P1-a.tif", [*OPTIONS, "max_tiles=5", *options])
        return [case.id for case in cases]

    assert len(chosen()) == 5
    assert chosen() == chosen("seed=0") != chosen("seed=1")


def test_resolution(folder, tmp_path):
    tiles = build_cohort("slides", folder / "P1-a.tif", ["tile=64", "um_per_pixel=0.25", "min_tissue=0.9"])
    assert {case.images["image"].rpartition("/")[2] for case in tiles} == {"64x64"}
    assert tiles.cases[0].images["image"].endswith("#region/128,128,64,64/64x64")
    write_slide(tmp_path / "unknown.tif", um_per_pixel=None)
    with pytest.raises(
        InputError, match=r"unknown.tif: does not state its micrometres per pixel; .*slide_um_per_pixel"
    ):
        build_cohort("slides", tmp_path / "unknown.tif", OPTIONS)
    stated = build_cohort("slides", tmp_path / "unknown.tif", [*OPTIONS, "slide_um_per_pixel=0.25"])
    assert len(stated) == 12


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("glass.tif", OPTIONS, r"no tissue, left out: 1 \(glass.tif\)"),
        ("P1-a.tif", ["um_per_pixel=0.2"], "coarser than 0.2 um per pixel"),
        ("P1-a.tif", ["tile=999"], "smaller than one tile"),
        ("cut.svs", OPTIONS, "slides that cannot be read"),
    ],
)
def test_without_any_tile_the_reason_is_one_line(folder, name, options, why):
    with pytest.raises(InputError, match=rf"no tile was found: .*{why}.*") as caught:
        build_cohort("slides", folder / name, options)
    assert "\n" not in str(caught.value)


def test_other_folders_and_a_missing_library(folder, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="is not a slides folder"):
        build_cohort("slides", folder / "logo.tif")
    assert build_cohort("auto", folder).notes[0] == "recognised as layout images"
    (tmp_path / "svs").mkdir()
    (folder / "P1-a.tif").rename(tmp_path / "svs" / "a.svs")
    assert build_cohort("auto", tmp_path / "svs").notes[0] == "recognised as layout slides"
    monkeypatch.setitem(sys.modules, "openslide", None)
    with pytest.raises(MissingExtraError, match=r"vesalius\[wsi\]"):
        build_cohort("slides", folder / "P2-b.tif")


def test_tiles_are_audited_and_loaded_like_any_case(folder, tmp_path):
    built = build_manifest("slides", folder, tmp_path / "tiles.jsonl", [*OPTIONS, "patient=P."])
    assert json.loads((tmp_path / "tiles.jsonl").read_text().splitlines()[0])["patient"] == "P1"
    result = audit_cohort(built.path)
    assert [finding.text for finding in result.findings if finding.level == "error"] == []
    cohort = build_cohort("slides", folder, OPTIONS)
    for sample in Loader(cohort, prepare=Prepare.build(layout="CJI"), workers=2).epoch(0):
        assert sample.image.shape == (3, 64, 64)
