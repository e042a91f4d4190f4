import json
from dataclasses import asdict

import numpy as np

from vesalius.scan.describe import describe_scan
from vesalius.scan.scan import Scan


def test_facts_are_json_and_true():
    scan = Scan.from_array(
        np.zeros((1, 2, 3, 4, 5), ">i2"),
        np.diag([-1.5, 2, 3, 1]),
        frame_ms=(0.0, 33.3333333333),
        t_meaning="time",
        modality="MR",
        problems=("one",),
    )
    facts = describe_scan(scan)
    assert facts.shape == (1, 2, 3, 4, 5)
    assert facts.dtype == ">i2"
    assert facts.spacing_mm == (1.5, 2, 3)
    assert facts.orientation == "LAS"
    assert facts.grid_problem is None
    assert facts.frame_ms == (0, 33.333333)
    assert (facts.t_meaning, facts.modality, facts.colour) == ("time", "MR", "grey")
    assert facts.problems == ("one",)
    assert json.loads(json.dumps(asdict(facts)))["shape"] == [1, 2, 3, 4, 5]


def test_what_is_unknown_is_null():
    facts = describe_scan(Scan.from_array(np.zeros((3, 4, 5))))
    assert (facts.spacing_mm, facts.orientation, facts.frame_ms) == (None, None, None)
    assert facts.grid_problem == "the file states no geometry"
