import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.report.verdict import Verdict
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack
from vesalius.tasks.predict_options import PredictOptions
from vesalius.tasks.predictor import Predicted, Predictor


class Nothing(Predictor):
    """A job with the common options."""

    task = "nothing"
    images = ("image",)

    def target_of(self, name):
        return name

    def __call__(self, scans, target, ends=None):
        return Predicted({})

    def summary(self, measures):
        return ""

    def verdict(self, results):
        return Verdict(words="nothing")

    def sections(self, results, pictures):
        return []


def test_a_job_refuses_options_of_another(tmp_path):
    assert Nothing(tmp_path, "cpu").options == PredictOptions()
    assert Nothing(tmp_path, "cpu", {"resample": True}).options.resample
    with pytest.raises(UsageError, match=r"--heat-map: is not supported by nothing models; leave it out"):
        Nothing(tmp_path, "cpu", {"heat_map": "logit"})
    with pytest.raises(UsageError, match=r"--intercept: is not supported by nothing models"):
        Nothing(tmp_path, "cpu", {"intercept_hu": -1024.0})


def test_a_grid_only_where_it_was_asked_for(tmp_path):
    origins = np.array([[0, 0, 0], [0, 0, 2], [0, 0, 6.0]])
    steps = np.eye(3)[:, None].repeat(3, axis=1)
    stack = SliceStack(origins, steps[0], steps[1])
    scans = {"image": Scan.from_array(np.zeros((4, 4, 3)), None, geometry=stack)}
    assert Nothing(tmp_path, "cpu").placed(scans)["image"].grid_problem
    made = Nothing(tmp_path, "cpu", {"resample": True}).placed(scans)["image"]
    assert made.grid_problem is None
