import math

import numpy as np
import pytest

from tasks.segment.small import AFFINE, SHAPE, blob, make_cohort
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import VesaliusError
from vesalius.metrics.drawn import Drawn
from vesalius.metrics.masks import Measured
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.segment.config import SegmentSettings
from vesalius.tasks.segment.labels import units
from vesalius.tasks.segment.outcome import COLUMNS, SegmentSummary, Unit, beats, measure, table_rows

KNOWN = Drawn(2)
VOXEL_ML = 1.0 * 1.5 * 2.0 / 1000


class Fixed:
    """Finds the bright ball, and no dark one."""

    def __init__(self, **changes):
        self.settings = SegmentSettings.parse({"labels": {"bright": [4], "dark": [7]}, "patch": [8, 8, 1], **changes})
        self.frames = []

    def classes(self, scans, t=0):
        self.frames.append(t)
        return (scans["image"].values()[0, t] > 130).astype(np.int64)


def run(folder, segmenter, **options):
    return list(measure(segmenter, units(read_manifest(folder / "m.jsonl"), ("mask",)), ("image",), **options))


def test_rows_by_hand(tmp_path):
    make_cohort(tmp_path, ("test",))
    ((case, unit),) = run(tmp_path, Fixed())
    bright, dark = unit.rows
    size = (blob(0)[1] == 4).sum() * VOXEL_ML
    assert (case.id, bright.case, bright.mask, bright.patient) == ("c0", "c0", "mask", "1")
    assert bright.dice == 1
    assert bright.hd95_mm == 0
    assert bright.predicted_ml == bright.reference_ml == pytest.approx(size)
    assert (dark.dice, dark.predicted_ml) == (0, 0)
    assert math.isnan(dark.hd95_mm)
    assert unit.picture.picture_JI.shape == SHAPE[1::-1]
    assert unit.picture.spacing_mm == (1.5, 1.0)


def test_regions_instead_of_classes(tmp_path):
    make_cohort(tmp_path, ("test",))
    ((_, unit),) = run(tmp_path, Fixed(regions={"both": ["bright", "dark"]}))
    (row,) = unit.rows
    labels = blob(0)[1]
    found, truth = (labels == 4).sum(), (labels > 0).sum()
    assert row.dice == pytest.approx(2 * found / (found + truth))


def test_a_class_that_the_reference_does_not_hold(tmp_path):
    make_cohort(tmp_path, ("test",))
    write_nifti(tmp_path / "c0_seg.nii.gz", np.where(blob(0)[1] == 7, 7, 0).astype("u1")[None], AFFINE)
    ((_, unit),) = run(tmp_path, Fixed())
    assert [(row.name, row.dice) for row in unit.rows] == [("bright", 0), ("dark", 0)]
    ((_, unit),) = run(tmp_path, Fixed(), absent="unknown")
    assert [row.name for row in unit.rows] == ["dark"]


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path):
    make_cohort(tmp_path, ("test", "test"))
    (tmp_path / "c0.nii.gz").write_bytes(b"nothing")
    told = []
    done = run(tmp_path, Fixed(), progress=told.append)
    assert isinstance(done[0][1], VesaliusError)
    assert isinstance(done[1][1], Unit)
    assert told[-1] == "2 of 2 label maps measured"


def test_the_frame_of_a_cine(tmp_path):
    make_cohort(tmp_path, ("test",))
    frames = np.stack([blob(seed)[0] for seed in (3, 0, 5)])
    write_nifti(tmp_path / "c0.nii.gz", frames, AFFINE, 0.04)
    line = (tmp_path / "m.jsonl").read_text().replace('"patient"', '"frames": {"mask": 1}, "patient"')
    (tmp_path / "m.jsonl").write_text(line)
    segmenter = Fixed()
    ((_, unit),) = run(tmp_path, segmenter)
    assert segmenter.frames == [1]
    assert unit.rows[0].dice == 1


def test_voxels_that_nobody_labelled_do_not_count(tmp_path):
    make_cohort(tmp_path, ("test",))
    labels = blob(0)[1]
    labels[:6][labels[:6] == 4] = 9
    write_nifti(tmp_path / "c0_seg.nii.gz", labels[None], AFFINE)
    ((_, unit),) = run(tmp_path, Fixed(ignored=[9]))
    assert unit.rows[0].dice == 1
    assert unit.rows[0].predicted_ml == pytest.approx((labels == 4).sum() * VOXEL_ML)


def test_nothing_in_mm_without_a_spacing(tmp_path):
    make_cohort(tmp_path, ("test",))
    for name, array in zip(("c0", "c0_seg"), blob(0), strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    (tmp_path / "m.jsonl").write_text((tmp_path / "m.jsonl").read_text().replace(".nii.gz", ".npy"))
    ((_, unit),) = run(tmp_path, Fixed())
    assert unit.rows[0].dice == 1
    assert all(
        math.isnan(value) for value in (unit.rows[0].hd95_mm, unit.rows[0].predicted_ml, unit.rows[0].reference_ml)
    )


def row(patient, map_="mask", name="lv", dice=0.9, hd95=2.0, found=50.0, truth=60.0):
    return Measured(f"{patient}/{map_}", str(patient), map_, name, dice, hd95, hd95, found, truth)


def summarized(rows, drawn=KNOWN, cavity=None):
    return SegmentSummary.of(rows, cavity, drawn).results


def sections(rows, drawn=KNOWN, cavity=None, figures=()):
    return SegmentSummary.of(rows, cavity, drawn).sections("test", figures)


def test_means_are_over_patients_and_not_over_maps():
    rows = [row(1, "ED", dice=1.0), row(1, "ES", dice=0.8), row(2, "ED", dice=0.5)]
    told = summarized(rows)
    assert told["classes"]["lv"]["dice"] == pytest.approx((0.9 + 0.5) / 2)
    assert told["classes"]["lv"]["patients"] == 2
    assert told["classes"]["lv"]["interval"] is None
    assert told["dice"] == told["classes"]["lv"]["dice"]


def test_intervals_from_ten_patients_on():
    draw = np.random.default_rng(0)
    rows = [row(patient, dice=float(draw.uniform(0.7, 0.9))) for patient in range(12)]
    low, high = summarized(rows)["classes"]["lv"]["interval"]
    assert low < summarized(rows)["dice"] < high


def test_what_was_in_neither_map_does_not_count():
    rows = [row(1, dice=math.nan, hd95=math.nan), row(2, dice=0.6, hd95=math.nan)]
    told = summarized(rows)["classes"]["lv"]
    assert (told["dice"], told["patients"], told["hd95_mm"]) == (0.6, 1, None)


def test_ejection_fraction():
    rows = [row(1, "ED", found=100, truth=120), row(1, "ES", found=40, truth=60), row(2, "ED"), row(3, "ES")]
    (beat,) = beats(rows, "lv")
    assert (beat.predicted.ef_percent, beat.reference.ef_percent) == (60, 50)
    told = summarized(rows, cavity="lv")["ejection_fraction"]
    assert told == {
        "ef_from": "stated frames",
        "warnings": {},
        "patients": 1,
        "of_patients": 1,
        "mean_error_points": 10,
        "mean_absolute_error_points": 10,
    }
    assert beats(rows, None) == []


def test_sections_hold_every_patient():
    rows = [row(1, "ED"), row(1, "ES"), row(2, "ED"), row(2, "ES")]
    first, each, ef = sections(rows, cavity="lv", figures=("held-out.png",))
    assert "4 label maps of 2 patients" in first.blocks[0].text
    assert [line[:2] for line in each.blocks[0].rows] == [["1", "ED"], ["1", "ES"], ["2", "ED"], ["2", "ES"]]
    assert len(ef.blocks[0].rows) == 2
    assert "0.0 points" in ef.blocks[0].caption


def test_a_class_that_one_map_does_not_hold():
    each = sections([row(1, "ED"), row(1, "ED", name="rv"), row(1, "ES")])[1]
    assert each.blocks[0].rows == [["1", "ED", "0.900", "0.900", "2.0", "2.0"], ["1", "ES", "0.900", "-", "2.0", "-"]]


def test_an_ejection_fraction_that_nobody_can_tell_is_not_counted():
    rows = [row(1, "ED", found=0.0), row(1, "ES", found=0.0), row(2, "ED", found=100), row(2, "ES", found=40, truth=30)]
    told = summarized(rows, cavity="lv")["ejection_fraction"]
    assert (told["patients"], told["of_patients"]) == (1, 2)
    texts = SegmentSummary.of(rows, "lv", KNOWN).texts
    assert texts["Ejection fraction, mean absolute error"] == "10.0 points (1 of 2 patients)"
    assert "fraction: - (0 of 1 patients)." in sections(rows[:2], cavity="lv")[2].blocks[0].caption


def test_studies_of_one_patient_stay_apart_and_count_once():
    rows = [
        Measured(
            f"{study}/{map_}", patient, map_, "lv", 0.9, 2.0 * int(patient), 1.0, ml, 50.0 if map_ == "ED" else 25.0
        )
        for study, patient, es in (("a", "1", 20.0), ("b", "1", 30.0), ("c", "2", 50.0))
        for map_, ml in (("ED", 100.0), ("ES", es))
    ]
    assert [(beat.patient, beat.predicted.ef_percent) for beat in beats(rows, "lv")] == [
        ("1", 80),
        ("1", 70),
        ("2", 50),
    ]
    told = summarized(rows, cavity="lv")
    assert told["ejection_fraction"]["mean_absolute_error_points"] == pytest.approx((25 + 0) / 2)
    assert told["classes"]["lv"]["hd95_mm"] == pytest.approx(3)
    assert len(sections(rows, cavity="lv")[1].blocks[0].rows) == 6


def test_hearts_that_cannot_be_are_warnings():
    rows = [row(1, "ED", found=50, truth=90), row(1, "ES", found=60, truth=40), row(2, "ED", found=2, truth=100)]
    rows += [row(2, "ES", found=1, truth=5)]
    told = summarized(rows, cavity="lv")["ejection_fraction"]["warnings"]
    assert told == {
        "implausible by the model: ESV above EDV, so EF is negative": [1],
        "implausible by the model: EDV below 20 mL": [2],
        "implausible by the reference: EF above 85 %": [2],
    }
    table, *warnings = sections(rows, cavity="lv")[2].blocks
    assert table.kind == "table"
    assert [one.text for one in warnings] == [f"Patient {who[0]}: {what}." for what, who in told.items()]
    assert {one.tone for one in warnings} == {"warning"}


def test_studies_without_a_patient_are_called_so():
    draw = np.random.default_rng(0)
    rows = [row(unit, dice=float(draw.uniform(0.7, 0.9))) for unit in range(12)]
    unknown = Drawn(0, 12)
    told = summarized(rows, unknown)
    assert told["intervals"] == "by study (patients unknown)"
    assert told["classes"]["lv"]["text"].endswith(", by study (patients unknown))")
    assert told["classes"]["lv"]["interval"] == summarized(rows, Drawn(12))["classes"]["lv"]["interval"]
    head = sections(rows, unknown)[0]
    assert head.blocks[0].text.startswith("12 label maps of 12 studies (patients unknown): ")
    assert head.blocks[1].caption == "Mean of 12 studies (patients unknown); intervals by study (patients unknown)"
    few = summarized(rows[:3], Drawn(0, 3))["classes"]["lv"]["text"]
    assert few.endswith("(3 studies, by study (patients unknown))")


def test_rows_of_the_table():
    (cells,) = table_rows([row(3, "ED")])
    assert tuple(cells) == COLUMNS
    assert (cells["unit"], cells["patient"], cells["found_ml"], cells["truth_ml"]) == ("3/ED", 3, 50, 60)
