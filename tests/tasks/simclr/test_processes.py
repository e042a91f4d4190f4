"""Two processes on the CPU: gathered negatives, shared norms, cached gradients."""

import pytest

from tasks.processes import in_one_and_two
from tasks.simclr import exact
from tasks.simclr.small import make_pictures


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """What one process and two have recorded, case by case; all in one start of two processes."""
    folder = tmp_path_factory.mktemp("processes")
    manifest = make_pictures(folder / "data", splits="train train train val")
    return in_one_and_two(exact, manifest, folder)


@pytest.mark.parametrize("case", exact.CASES)
def test_two_processes_equal_one(records, case):
    """Each step within 1e-8 where it is taken in float64, the health measures within the float32 that they are."""
    one, two = records[case]
    assert [row["step"] for row in one if row["kind"] == "train"] == [*range(1, exact.CASES[case]["steps"] + 1)]
    assert [(row["step"], row["kind"]) for row in one] == [(row["step"], row["kind"]) for row in two]
    for a, b in zip(one, two, strict=True):
        rounding = 1e-8 if a["kind"] == "train" and case != "float32" else 1e-4
        for key in a.keys() - {"seconds", "epoch", "kind"}:
            assert b[key] == pytest.approx(a[key], rel=rounding), (a["step"], key)
