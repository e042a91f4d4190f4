from dataclasses import replace

import numpy as np
import pytest

from tasks.evaluate.masks.making import heart, write
from vesalius.metrics.cardiac import smoothed
from vesalius.tasks.evaluate.masks.find import find_masks, match_masks
from vesalius.tasks.evaluate.masks.measure import measure_pair
from vesalius.tasks.evaluate.masks.pump import beats


def measured(tmp_path, predicted, reference):
    for side, masks in (("p", predicted), ("r", reference)):
        for name, labels in masks.items():
            write(tmp_path / side / f"{name}.nii.gz", labels)
    pairs, _ = match_masks(find_masks(tmp_path / "p"), find_masks(tmp_path / "r"))
    return [measure_pair(pair, {}) for pair in pairs]


def voxels(labels):
    return (labels == 3).sum() * 1.5 * 1.5 * 8 / 1000


def test_named_moments(tmp_path):
    predicted = {"a_ED": heart(5), "a_ES": heart(4), "b": heart(5)}
    found, without = beats(measured(tmp_path, predicted, {"a_ED": heart(6), "a_ES": heart(3), "b": heart(5)}), 3)
    assert without == {}
    (beat,) = found
    assert (beat.case, beat.predicted.edv_ml, beat.reference.esv_ml) == (
        "a",
        pytest.approx(voxels(heart(5))),
        pytest.approx(voxels(heart(3))),
    )
    assert beat.reference.ef_percent == pytest.approx(100 * (1 - voxels(heart(3)) / voxels(heart(6))))


def test_moments_of_a_cycle_are_those_of_the_reference(tmp_path):
    predicted = np.stack([heart(4), heart(6), heart(3)], -1)
    (beat,), _ = beats(measured(tmp_path, {"a": predicted}, {"a": np.stack([heart(6), heart(4), heart(5)], -1)}), 3)
    assert (beat.reference.ed_frame, beat.reference.es_frame) == (0, 1)
    assert beat.predicted.edv_ml == pytest.approx(voxels(heart(4)))
    assert beat.predicted.ef_percent < 0


def test_without_a_cavity_there_is_no_beat_and_the_reason_is_told(tmp_path):
    empty = heart(4)
    empty[empty == 3] = 0
    found, without = beats(
        measured(tmp_path, {"a_ED": heart(5), "a_ES": empty}, {"a_ED": heart(5), "a_ES": heart(3)}), 3
    )
    assert (found, without) == ([], {"a": "the predicted mask of ES has no cavity (label 3)"})


def test_unnamed_masks_of_several_files_are_no_beat(tmp_path):
    masks = {"P1/seg": heart(5), "P2/seg": heart(3)}
    results = measured(tmp_path, masks, masks)
    assert len({one.pair.reference.patient for one in results}) == 2
    assert beats(results, 3) == ([], {})
    same = [
        replace(one, pair=replace(one.pair, reference=replace(one.pair.reference, case="a", patient="a")))
        for one in results
    ]
    assert beats(same, 3) == ([], {})


def cycle(*radii, shift=0):
    return np.stack([heart(radius, shift) for radius in radii], -1)


def test_a_whole_beat_is_read_off_smoothed_curves(tmp_path):
    """One frame of the reference is far too small: the smallest volume, but no end-systole."""
    radii = [6, 6, 5, 4, 3, 3, 4, 5, 6, 6]
    odd = [*radii[:8], 2, 6]
    (beat,), _ = beats(measured(tmp_path, {"a": cycle(*radii)}, {"a": cycle(*odd)}), 3)
    assert beat.reference.ef_from == beat.predicted.ef_from == "smoothed curve"
    truth = smoothed([voxels(heart(radius)) for radius in odd])
    assert (beat.reference.ed_frame, beat.reference.es_frame) == (truth.argmax(), truth.argmin())
    assert beat.reference.es_frame in (4, 5)
    assert (beat.reference.edv_ml, beat.reference.esv_ml) == pytest.approx((truth.max(), truth.min()))
    predicted = smoothed([voxels(heart(radius)) for radius in radii])
    assert beat.predicted.esv_ml == pytest.approx(predicted[truth.argmin()])


def test_masks_of_some_frames_are_no_beat_to_smooth(tmp_path):
    few = cycle(6, 5, 4, 3, 3, 4, 5, 6, 6, 6, 6, 6, 6)
    few[..., 8:] = 0
    (beat,), _ = beats(measured(tmp_path, {"a": few}, {"a": few}), 3)
    assert (beat.reference.ef_from, beat.reference.es_frame) == ("largest and smallest frame", 3)


def test_what_cannot_be(tmp_path):
    split = heart(5)
    split[:, 3:, 1][split[:, 3:, 1] == 3] = 2
    split[..., 1] = 0
    (beat,), _ = beats(measured(tmp_path, {"a_ED": split, "a_ES": heart(6)}, {"a_ED": heart(6), "a_ES": heart(5)}), 3)
    assert beat.reference.ef_from == "stated frames"
    assert beat.doubts == [
        "implausible by the predicted masks: EDV below 20 mL",
        "implausible by the predicted masks: ESV above EDV, so EF is negative",
        "implausible by the reference masks: EDV below 20 mL",
        "implausible: the LV is in several pieces in the predicted mask of ED",
    ]


def test_an_unknown_voxel_size_is_the_reason(tmp_path):
    for side in "pr":
        for name, radius in (("ED", 5), ("ES", 3)):
            (tmp_path / side).mkdir(exist_ok=True)
            np.save(tmp_path / side / f"a_{name}.npy", heart(radius))
    pairs, _ = match_masks(find_masks(tmp_path / "p"), find_masks(tmp_path / "r"))
    assert beats([measure_pair(pair, {}) for pair in pairs], 3) == ([], {"a": "the size of a voxel is unknown"})
