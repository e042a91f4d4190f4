import pytest

from vesalius.errors import UsageError
from vesalius.tasks.predict_options import DetectOptions, PredictOptions


def test_the_options_that_were_given():
    assert PredictOptions().given == {}
    assert DetectOptions(top_k=3, resample=True).given == {"top_k": 3, "resample": True}
    assert DetectOptions(intercept_hu=0.0).given == {"intercept_hu": 0.0}


@pytest.mark.parametrize("wrong", [{"top_k": 0}, {"intercept_hu": float("nan")}, {"intercept_hu": float("inf")}])
def test_numbers_that_cannot_be(wrong):
    with pytest.raises(UsageError, match=r"--(top-k|intercept)"):
        DetectOptions(**wrong)
