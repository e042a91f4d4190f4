import pytest

from vesalius.errors import UsageError
from vesalius.tasks.predict_options import DetectOptions, EveryOption, PredictOptions, SegmentOptions


def test_the_options_that_were_given():
    assert PredictOptions().given == {}
    assert DetectOptions(top_k=3, resample=True).given == {"top_k": 3, "resample": True}
    assert DetectOptions(intercept_hu=0.0).given == {"intercept_hu": 0.0}
    assert DetectOptions(batch=8, top_k=3).deciding == {"top_k": 3}


@pytest.mark.parametrize(
    "wrong", [{"top_k": 0}, {"batch": 0}, {"intercept_hu": float("nan")}, {"intercept_hu": float("inf")}]
)
def test_numbers_that_cannot_be(wrong):
    with pytest.raises(UsageError, match=r"--(top-k|batch|intercept)"):
        DetectOptions(**wrong)


def test_the_command_line_has_the_options_of_every_job():
    given = EveryOption(dicom_seg=True, top_k=3).given
    assert given == {"dicom_seg": True, "top_k": 3}
    assert SegmentOptions.of("segment", {"dicom_seg": True}).dicom_seg
    with pytest.raises(UsageError, match="--dicom-seg: is not supported by detect models"):
        DetectOptions.of("detect", {"dicom_seg": True})
    with pytest.raises(UsageError, match="--top-k"):
        EveryOption(top_k=0)
