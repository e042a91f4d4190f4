import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from vesalius.metrics.cardiac import Beat, Pumping
from vesalius.metrics.masks import Measured
from vesalius.report.masks import ALL
from vesalius.tasks.evaluate.masks.find import Mask, Pair
from vesalius.tasks.evaluate.masks.measure import PairResult
from vesalius.tasks.evaluate.masks.run import MaskEvaluation, lines
from vesalius.tasks.evaluate.masks.summary import result_of, summarise


def result(case, patient, *classes, mask="mask", structure="", notes=(), is_patient=True, lv=3):
    """classes: (label, dice, hd95)."""
    one = Mask(case, mask, structure, patient, lambda: None, Path(case), (case,), is_patient=is_patient)
    rows = [
        Measured(case, patient, mask, f"{structure} {'LV' if label == lv else label}".lstrip(), dice, hd, hd / 2, 2.0,
                 1.5, structure=structure, label=label)
        for label, dice, hd in classes
    ]  # fmt: skip
    return PairResult(Pair(one, one), tuple(rows), notes)


def test_masks_are_averaged_within_patients_first():
    results = [
        result("a1", "A", (1, 0.2, 1.0), (2, 1.0, 0.0), lv=1),
        result("a2", "A", (1, 0.4, math.nan), lv=1),
        result("b1", "B", (1, 0.9, 3.0), lv=1),
    ]
    found = summarise(results, [], {})
    assert found.patients == ("a1", "b1")
    assert [one.name for one in found.classes] == ["LV", "2", ALL]
    lv, other, both = found.classes
    assert lv.dice.values == {"a1": pytest.approx(0.3), "b1": 0.9}
    assert lv.dice.mean == pytest.approx(0.6)
    assert lv.hd95_mm.values == {"a1": 1.0, "b1": 3.0}
    assert lv.volume_ml.mean == pytest.approx(0.5)
    assert (other.dice.values["b1"], other.dice.present) == (None, 1)
    assert both.dice.values == {"a1": pytest.approx(0.65), "b1": 0.9}


def test_an_interval_needs_ten_patients():
    values = np.random.default_rng(0).uniform(0.6, 1, 10)
    results = [result(f"c{n}", f"P{n}", (1, value, 1.0)) for n, value in enumerate(values)]
    (lv,) = summarise(results, [], {}).classes
    assert lv.dice.low < lv.dice.mean < lv.dice.high
    (lv,) = summarise(results[:9], [], {}).classes
    assert (lv.dice.low, lv.dice.high) == (None, None)


def test_names_of_patients_are_never_told():
    text = str(asdict(summarise([result("c", "Jane Doe", (1, 1.0, 0.0))], [], {})))
    assert "Jane" not in text


def test_patients_whose_first_cases_are_called_alike_stay_apart():
    found = summarise([result("c", "A", (1, 1.0, 0.0)), result("c", "B", (1, 0.5, 0.0))], [], {})
    assert found.classes[0].dice.values == {"c": 1.0, "c (2)": 0.5}


def test_structures_have_classes_of_their_own():
    results = [result("c", "A", (1, 1.0, 0.0), structure=one, mask=one) for one in ("lesion", "organ")]
    assert [one.name for one in summarise(results, [], {}).classes][:2] == ["lesion 1", "organ 1"]


def test_pumping_and_notes():
    results = [result("a", "A", (3, 1.0, 0.0), notes=("odd",)), result("b", "B", (3, 1.0, 0.0), notes=("odd",))]
    found = [Beat("a", "A", Pumping(100, 50), Pumping(120, 48)), Beat("b", "B", Pumping(100, 40), Pumping(100, 50))]
    summary = summarise(results, found, {"x": "the ES mask is empty"})
    ef = next(one for one in summary.pumping if one.quantity == "ef_percent")
    assert ef.difference.values == {"a": pytest.approx(-10), "b": pytest.approx(10)}
    assert (ef.difference.mean, ef.absolute.mean) == (pytest.approx(0), pytest.approx(10))
    assert summary.notes == {"odd": ("a", "b"), "no ejection fraction: the ES mask is empty": ("x",)}


def test_hearts_that_cannot_be_are_warnings_with_their_cases():
    results = [result("a", "A", (3, 1.0, 0.0)), result("b", "B", (3, 1.0, 0.0))]
    by_curve = Pumping(100, 8, 0, 9, "smoothed curve")
    found = [
        Beat("a", "A", Pumping(100, 110), Pumping(120, 60)),
        Beat("b", "B", Pumping(90, 99), by_curve, ("the predicted mask of ES",)),
    ]
    summary = summarise(results, found, {})
    assert summary.ef_from == {"a": "stated frames", "b": "smoothed curve"}
    assert summary.warnings == {
        "implausible by the predicted masks: ESV above EDV, so EF is negative": ("a", "b"),
        "implausible by the reference masks: EF above 85 %": ("b",),
        "implausible: the LV is in several pieces in the predicted mask of ES": ("b",),
    }
    assert summary.pumping_tables[0].caption.endswith("; ED and ES by stated frames or smoothed curve")
    page = result_of(summary, results[0].rows, {"A": "a"}, {})
    heart = next(one for one in page.sections if one.title == "Left ventricle")
    shown = [block.text for block in heart.blocks if block.kind == "text" and block.tone == "warning"]
    assert shown[0] == "a, b: implausible by the predicted masks: ESV above EDV, so EF is negative."
    assert len(shown) == 3
    told = lines(MaskEvaluation(Path("o"), Path("r"), summary, []))
    assert f"warning: {shown[0].removesuffix('.')}" in told


def test_cases_that_stand_for_patients_are_called_so():
    named, bare = result("a", "A", (1, 0.5, 1.0)), result("b", "b", (1, 0.7, 1.0), is_patient=False)
    assert summarise([named], [], {}).intervals == "by patient"
    found = summarise([bare], [], {})
    assert (found.drawn, found.intervals) == ((0, 1), "by study (patients unknown)")
    assert summarise([named, bare], [], {}).intervals == "by patient, 1 of 2 by study (patient unknown)"


def test_sections_chart_and_results():
    results = [result("a", "A", (3, 0.5, 2.0), notes=("odd",))]
    summary = summarise(results, [Beat("a", "A", Pumping(100, 50), Pumping(100, 50))], {})
    page = result_of(summary, results[0].rows, {"A": "a"}, {"b": "no predicted mask"})
    titles = ["Overlap and distance", "Left ventricle", "Lowest", "Notes", "Definitions"]
    assert [one.title for one in page.sections] == titles
    assert [block.kind for block in page.sections[0].blocks] == ["figure", "table", "table"]
    assert page.figures["dice.png"].startswith(b"\x89PNG")
    assert page.results["classes"][0]["dice"]["mean"] == 0.5
    assert (page.rows[0]["patient_case"], page.failures) == ("a", {"b": "no predicted mask"})


def test_empty_masks_are_said_to_be_empty():
    page = result_of(summarise([result("a", "A")], [], {}), (), {"A": "a"}, {})
    assert page.sections[0].blocks[0].text == "No mask holds any of the classes."
    assert page.figures == {}
