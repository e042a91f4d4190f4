from vesalius.tasks.detect.options import DetectOptions


def test_an_intercept_of_zero_counts_as_given():
    assert DetectOptions().given == {}
    assert DetectOptions(intercept_hu=0.0).given == {"intercept_hu": 0.0}
