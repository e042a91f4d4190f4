import json

import torch

from tasks.simclr.small import VIT, make_pictures, table
from vesalius.tasks.simclr.simsiam import SimSiam
from vesalius.tasks.train.run import train
from vesalius.training.record import read_record
from vesalius.weights.saved import from_pretrained


def test_each_view_predicts_the_other():
    method = SimSiam(outputs=4, hidden=3)
    assert method.head(8).layers == 3
    torch.manual_seed(0)
    modules = {"head": torch.nn.Identity(), **method.helpers(8)}
    whole_VD = torch.randn(10, 4, requires_grad=True)
    loss, _ = method.loss(modules, whole_VD)
    predicted = modules["predictor"](whole_VD)
    similarity = torch.nn.functional.cosine_similarity
    expected = similarity(predicted[:5], whole_VD[5:]).mean() + similarity(predicted[5:], whole_VD[:5]).mean()
    torch.testing.assert_close(loss, -expected / 2)


def test_trains_and_ships_no_predictor(tmp_path):
    keys = table(make_pictures(tmp_path / "data"), net=VIT, method={"name": "simsiam", "outputs": 8, "hidden": 4})
    (tmp_path / "c.yaml").write_text(json.dumps(keys), encoding="utf-8")
    train(tmp_path / "c.yaml", tmp_path / "run", ["train.max_steps=3"], device="cpu")
    losses = [row["loss"] for row in read_record(tmp_path / "run") if row["kind"] == "train"]
    assert len(losses) == 3
    assert all(-1 <= loss <= 1 for loss in losses)
    assert list(from_pretrained(tmp_path / "run", "simclr").parts) == ["encoder", "head"]
