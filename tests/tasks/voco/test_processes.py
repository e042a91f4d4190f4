"""Two processes on the CPU: the next volume of the batch, shared norms, a share of the crops each."""

import pytest

from tasks.processes import in_one_and_two
from tasks.voco import exact
from tasks.voco.small import make_volumes


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """What one process and two have recorded, case by case; all in one start of two processes."""
    folder = tmp_path_factory.mktemp("processes")
    manifest = make_volumes(folder)
    return in_one_and_two(exact, manifest, folder)


@pytest.mark.parametrize("case", exact.CASES)
def test_two_processes_equal_one(records, case):
    """Loss and its terms; the health of a step is that of the crops of a process, averaged."""
    one, two = records[case]
    assert [(row["step"], row["kind"]) for row in one] == [(row["step"], row["kind"]) for row in two]
    assert sum(row["kind"] == "train" for row in one) == 9
    for a, b in zip(one, two, strict=True):
        for key in a.keys() & {"loss", "voco", "div", "area", "gradient_norm"}:
            assert b[key] == pytest.approx(a[key], rel=1e-5), (a["step"], key)
