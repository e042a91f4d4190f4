import pytest

from tasks.evaluate.codec.fake import study
from vesalius.tasks.evaluate.codec import curves
from vesalius.tasks.evaluate.codec.curves import charts
from vesalius.tasks.evaluate.codec.summary import summarise


@pytest.fixture
def drawn(monkeypatch):
    """What the charts draw, instead of pictures."""
    calls = {}

    def draw(panels, y, goal, x):
        calls[y, x] = panels, goal
        return b""

    monkeypatch.setattr(curves, "rate_distortion", draw)
    return calls


def all_charts(results, *, claims=False):
    return list(charts(summarise(results).data_sets[0], results, claims=claims))


def test_axes(drawn):
    assert [chart.name for chart in all_charts([study("a")])] == ["psnr", "ssim", "bytes"]
    ratios, sizes = drawn["PSNR (dB)", None][0], drawn["PSNR (dB)", curves._BYTES_AXIS][0]
    assert list(sizes) == ["Whole field", "Heart region"]
    assert ratios["Whole field"][0].x == [1280, 320, 80, 20, 5]
    assert sizes["Whole field"][0].x == [128, 32, 8, 2, 0.5]
    assert sizes["Heart region"][1].name == "x265"
    assert sizes["Heart region"][1].values == [46, 38, 30, 22, 14]


def test_claims_are_marked_on_request(drawn):
    all_charts([study("a")])
    assert {goal for _, goal in drawn.values()} == {None}
    all_charts([study("a")], claims=True)
    marked = {key: goal and (goal.x, goal.value) for key, (_, goal) in drawn.items()}
    assert marked == {
        ("PSNR (dB)", None): (1000, 35.0), ("SSIM", None): (1000, 0.95), ("PSNR (dB)", curves._BYTES_AXIS): None
    }  # fmt: skip


def test_the_mean_is_drawn_where_all_studies_have_a_value(drawn):
    all_charts([study("a"), study("b", shift=2.0)])
    lines = drawn["PSNR (dB)", curves._BYTES_AXIS][0]["Whole field"]
    assert [line.faint for line in lines if line.name == "svtav1"] == [True, True, False]
    mean = lines[2]
    assert (min(mean.x), max(mean.x)) == (pytest.approx(0.5), pytest.approx(128))
    assert max(mean.values) == pytest.approx(51)
