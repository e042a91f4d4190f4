import json
import shutil

import pytest

from vesalius.app.models import Models
from vesalius.errors import InputError, UsageError
from vesalius.weights.place import MODELS, ZOO


def _model(folder, task, **settings):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"task": task, "parts": {}, "settings": settings}))
    return folder


def test_the_zoo_is_offered_for_prediction(monkeypatch):
    monkeypatch.delenv(MODELS, raising=False)
    models = Models()
    assert {"detect/head_ct_phantom", "finetune/cxr_pneumonia", "segment/cine_segresnet"} <= set(models.predictors())
    assert not any(name.startswith("tokenize/") for name in models.predictors())
    assert models.given is None


def test_a_given_model_comes_first_without_its_path(tmp_path):
    shutil.copytree(ZOO / "segment" / "cine_unet", tmp_path / "run" / "model")
    models = Models(str(tmp_path / "run"))
    assert models.predictors()[0] == "run"
    assert models.get("run").place == str((tmp_path / "run" / "model").resolve())
    again = Models("segment/cine_unet")
    assert again.predictors()[0] == "segment/cine_unet"
    assert again.predictors().count("segment/cine_unet") == 1


def test_segmenters_that_fit_a_generator(tmp_path, monkeypatch):
    _model(tmp_path / "make" / "cells", "generate", classes={"cell": [1]}, sizes=[[16, 16]])
    _model(tmp_path / "find" / "cells", "segment", labels={"cell": [1]}, suffix=".png")
    _model(tmp_path / "find" / "volumes", "segment", labels={"cell": [1]}, suffix=".nii.gz")
    _model(tmp_path / "find" / "others", "segment", labels={"lv": [1]}, suffix=".png")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    monkeypatch.setenv(MODELS, str(tmp_path))
    models = Models()
    assert "make/cells" in models.generators()
    assert models.segmenters_for("make/cells") == ["find/cells"]


def test_what_cannot_be_shown_is_one_line(tmp_path):
    with pytest.raises(InputError):
        Models(str(tmp_path / "nothing"))
    with pytest.raises(UsageError, match="does not show"):
        Models(str(_model(tmp_path / "codes", "tokenize")))
    with pytest.raises(UsageError, match="no model was chosen"):
        Models().get("../../etc")
