import json

from tasks.generate.small import table
from vesalius.tasks.generate.job import _alarms
from vesalius.tasks.train.run import train


def test_the_report_shows_samples(disc_run):
    page = (disc_run / "report.html").read_text(encoding="utf-8")
    assert "pictures made from mask and caption" in page
    assert "a bright disc" in (disc_run / "config.yaml").read_text(encoding="utf-8") or "disc" in page
    assert (disc_run / "figures" / "samples.png").stat().st_size > 10_000


def test_a_run_without_masks(discs, tmp_path):
    keys = table(discs)
    keys["data"] = {**keys["data"], "labels": {}}
    keys["net"] = {**keys["net"], "mask_channels": 0}
    path = tmp_path / "c.json"
    path.write_text(json.dumps(keys), encoding="utf-8")
    result = train(path, tmp_path / "run", device="cpu")
    assert set(result.results["test"]) == {"loss", "text_gain"}


def test_a_condition_that_is_not_followed_is_reported():
    assert _alarms({"loss": 1.0, "text_gain": 0.1, "mask_gain": 0.2}) == []
    assert "masks" in _alarms({"text_gain": 0.1, "mask_gain": -0.2})[0]
