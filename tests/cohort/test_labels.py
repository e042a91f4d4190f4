from pathlib import Path

import pytest

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.labels import check_decided
from vesalius.errors import UsageError


def cohort(*labels):
    cases = [Case(id=f"c{n}", images={"image": "x.nii"}, labels=table) for n, table in enumerate(labels)]
    return Cohort(tuple(cases), Path())


@pytest.mark.parametrize(("value", "shown"), [(0.5, "0.5"), (2, "2"), (-1, "-1")])
def test_labels_are_decided(value, shown):
    given = cohort({"any": 1}, {"any": value, "x": value}, {}, {"any": value})
    check_decided(cohort({"any": 1.0}, {"any": 0}, {}), ("any",), "m.jsonl")
    with pytest.raises(UsageError, match=f"^m.jsonl: the label any is {shown} in 2 of 4 cases, not 0 or 1; write 0"):
        check_decided(given, ("any", "x"), "m.jsonl")
    check_decided(given, ("y",), "m.jsonl")
