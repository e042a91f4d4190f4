from dataclasses import replace

import numpy as np
import pytest

from tasks.evaluate.masks.making import heart, write
from vesalius.tasks.evaluate.masks.find import find_masks
from vesalius.tasks.evaluate.masks.match import match_masks
from vesalius.tasks.evaluate.masks.measure import measure_pair
from vesalius.tasks.evaluate.masks.pump import beats


def measured(tmp_path, predicted, reference):
    for side, masks in (("p", predicted), ("r", reference)):
        for name, labels in masks.items():
            write(tmp_path / side / f"{name}.nii.gz", labels)
    pairs = match_masks(find_masks(tmp_path / "p"), find_masks(tmp_path / "r")).pairs
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
