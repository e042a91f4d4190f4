"""Boxes about labels."""

import numpy as np

from tasks.tokenize.small import make_cines
from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.read import open_mask
from vesalius.tasks.tokenize.hearts import box_of, with_boxes


def test_a_box_holds_the_labels_of_all_masks(tmp_path):
    cohort = read_manifest(make_cines(tmp_path, 1))
    boxed = with_boxes(cohort, ("ED", "ES"))
    labels = np.any([open_mask(cohort, cohort.cases[0], name).stored()[0, 0] for name in ("ED", "ES")], 0)
    box = box_of(boxed.cases[0].facts, labels.shape)
    places = np.argwhere(labels)
    assert [box.i, box.j, box.k] == list(zip(places.min(0).tolist(), (places.max(0) + 1).tolist(), strict=True))
    assert box.middle == (sum(box.i) / 2, sum(box.j) / 2)
    half = box_of(boxed.cases[0].facts, [size // 2 for size in labels.shape])
    assert abs(half.i[1] - box.i[1] / 2) <= 0.5


def test_without_labels_there_is_no_box(tmp_path):
    cohort = read_manifest(make_cines(tmp_path, 1))
    facts = with_boxes(cohort, ("other",)).cases[0].facts
    assert facts == cohort.cases[0].facts
    assert box_of(facts, (4, 4, 4)) is None
