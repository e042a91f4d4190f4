import math

import numpy as np
import pytest

from vesalius.metrics.masks import Measured, measure_masks, per_patient, pieces


def masks():
    predicted, reference = np.zeros((2, 6, 6, 3), int)
    predicted[1:4, 1:4], reference[1:4, 1:5] = 1, 1
    reference[5, 5, 2] = 2
    return predicted, reference


def test_classes_by_hand():
    one, two = measure_masks(*masks(), {"one": (1,), "two": (2,)}, (1.0, 1.5, 4.0), 0.5, case="c", frame=3)
    assert (one.dice, one.hd95_mm) == (pytest.approx(2 * 27 / (27 + 36)), 1.5)
    assert (one.predicted_ml, one.reference_ml, one.volume_ml) == (13.5, 18.0, -4.5)
    assert (one.case, one.frame, one.label, two.label) == ("c", 3, 1, 2)
    assert (two.dice, two.predicted_ml, two.reference_ml) == (0, 0, 0.5)
    assert math.isnan(two.hd95_mm)
    assert math.isnan(two.average_mm)


def test_labels_of_one_name_are_a_region():
    (both,) = measure_masks(*masks(), {"both": (1, 2)}, None, math.nan)
    assert both.dice == pytest.approx(2 * 27 / (27 + 37))
    assert all(math.isnan(value) for value in (both.hd95_mm, both.average_mm, both.volume_ml))


def test_a_single_voxel_has_no_surface():
    (row,) = measure_masks(np.array(1), np.array(1), {"a": (1,)}, (), 1.0)
    assert (row.dice, row.predicted_ml) == (1, 1)
    assert math.isnan(row.hd95_mm)


def test_values_are_averaged_within_patients():
    rows = [Measured("x", who, "mask", "a", value, 0, 0, 0, 0) for who, value in (("A", 0.2), ("A", 0.4), ("B", 1.0))]
    found = per_patient(rows, {"A": "a1", "B": "b1", "C": "c1"}, "dice")
    assert (found["a1"], found["b1"]) == (pytest.approx(0.3), 1)
    assert math.isnan(found["c1"])


def test_pieces():
    mask = np.zeros((12, 12, 4), bool)
    assert pieces(mask) == 0
    mask[1:6, 1:6, :2] = True  # 50 voxels
    assert pieces(mask) == 1
    mask[6, 6, 2] = True  # touches at a corner
    assert pieces(mask) == 1
    mask[9, 9, 3] = True  # a speck, 1 of 52
    assert pieces(mask) == 1
    mask[9, 9:11, 3] = mask[10, 9, 3] = True  # 3 of 54
    assert pieces(mask) == 2
