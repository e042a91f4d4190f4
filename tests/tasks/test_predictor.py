import math

import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack
from vesalius.tasks.predictor import Predicted, PredictOptions, Predictor


class Nothing(Predictor):
    """A job that knows one option."""

    task, knows = "nothing", frozenset({"resample"})
    images = ("image",)

    def target_of(self, name):
        return name

    def __call__(self, scans, target):
        return Predicted({})

    def told(self, measures):
        return ""

    def sections(self, results, pictures):
        return []


def test_what_was_asked_for():
    assert PredictOptions().asked == {}
    assert PredictOptions(top_k=3, resample=True).asked == {"top_k": 3, "resample": True}
    assert PredictOptions(intercept_hu=0.0).asked == {"intercept_hu": 0.0}


@pytest.mark.parametrize("wrong", [{"top_k": 0}, {"intercept_hu": math.nan}, {"intercept_hu": math.inf}])
def test_numbers_that_cannot_be(wrong):
    with pytest.raises(UsageError):
        PredictOptions(**wrong)


def test_a_job_refuses_what_it_does_not_know(tmp_path):
    assert Nothing(tmp_path, "cpu").options == PredictOptions()
    assert Nothing(tmp_path, "cpu", PredictOptions(resample=True)).options.resample
    with pytest.raises(UsageError, match=r"--heat-map: means nothing to a model for nothing; leave it out"):
        Nothing(tmp_path, "cpu", PredictOptions(heat_map="logit"))


def test_a_grid_only_where_it_was_asked_for(tmp_path):
    origins = np.array([[0, 0, 0], [0, 0, 2], [0, 0, 6.0]])
    steps = np.eye(3)[:, None].repeat(3, axis=1)
    stack = SliceStack(origins, steps[0], steps[1])
    scans = {"image": Scan.from_array(np.zeros((4, 4, 3)), None, geometry=stack)}
    assert Nothing(tmp_path, "cpu").placed(scans)["image"].grid_problem
    made = Nothing(tmp_path, "cpu", PredictOptions(resample=True)).placed(scans)["image"]
    assert made.grid_problem is None
