"""Whole runs on a small cohort."""

import json

import pytest

from tasks.voco.small import make_volumes, table
from vesalius.nets.unet import UNet
from vesalius.tasks.job import InitConfig
from vesalius.tasks.train.run import train
from vesalius.tasks.train.start import Start
from vesalius.training.record import read_record
from vesalius.weights.saved import from_pretrained


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_volumes(tmp_path_factory.mktemp("volumes"))


class Segmenter:
    """Only its one part matters."""

    def named_parts(self, modules):
        return modules


def rows(folder):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in read_record(folder)]


def train_in_two_parts(config, folder):
    """Train, stop within an epoch, and go on."""

    def stop(row, _):
        if row["step"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, folder, device="cpu", watch=stop)
    train(config, folder, device="cpu", resume=True)


def test_ume_resumed_equals_unbroken(manifest, tmp_path):
    """With draws of keyframes."""
    net = {
        "name": "ume",
        "size": "micro",
        "patch": 4,
        "picture": 8,
        "inputs": 1,
        "max_keyframes": 2,
        "keyframes": "content",
    }
    (tmp_path / "c.json").write_text(json.dumps(table(manifest, "neighbours", net=net)), encoding="utf-8")
    train(tmp_path / "c.json", tmp_path / "whole", device="cpu")
    train_in_two_parts(tmp_path / "c.json", tmp_path / "run")
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    assert sum(row["kind"] == "train" for row in rows(tmp_path / "whole")) == 4


def test_resumed_equals_unbroken_and_a_segmenter_starts_from_it(manifest, tmp_path):
    """With the teacher that follows, dropout, and a stop within an epoch; then a U-Net takes the encoder."""
    keys = table(manifest, "voco-tpami", repeats=2)
    (tmp_path / "c.json").write_text(json.dumps(keys), encoding="utf-8")
    result = train(tmp_path / "c.json", tmp_path / "whole", device="cpu")

    train_in_two_parts(tmp_path / "c.json", tmp_path / "run")
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    validations = [row for row in rows(tmp_path / "whole") if row["kind"] == "validation"]
    assert validations[0]["step"] == 0
    assert {"voco", "div", "area", "label_correlation"} <= validations[0].keys()
    assert list(from_pretrained(tmp_path / "whole", "voco").parts) == ["encoder", "head"]
    assert {"loss", "voco", "label_correlation"} <= result.results["test"].keys()
    assert "correlation of overlap and prediction" in (tmp_path / "whole" / "report.html").read_text(encoding="utf-8")

    for inputs, inflate in ((1, ()), (4, ("model.0.*",))):
        init = InitConfig(model=str(tmp_path / "whole"), allow=("*.2.0.*", "*.2.1.*"), inflate=inflate)
        start = Start(init, Segmenter())
        start({"net": UNet(dims=3, inputs=inputs, outputs=3, channels=(4, 8), units=1).make()})
        assert bool(start.report.changed) == (inputs == 4)
        assert {kind for _, kind in start.report.allowed} == {"missing"}
