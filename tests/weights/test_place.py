import pytest

from vesalius.errors import InputError
from vesalius.weights import place
from vesalius.weights.place import locate, zoo_names


def model_at(folder):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


def test_a_folder_then_a_run_then_the_zoo(tmp_path, monkeypatch):
    monkeypatch.setattr(place, "ZOO", tmp_path / "zoo")
    monkeypatch.chdir(tmp_path)
    in_zoo = model_at(tmp_path / "zoo" / "segment" / "tiny")
    assert locate("segment/tiny") == in_zoo
    of_run = model_at(tmp_path / "segment" / "tiny" / "model")
    assert (tmp_path / locate("segment/tiny")) == of_run
    here = tmp_path / "segment" / "tiny"
    (here / "config.json").write_text("{}")
    assert (tmp_path / locate("segment/tiny")) == here
    assert zoo_names() == ("segment/tiny",)


def test_what_is_missing_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(place, "ZOO", tmp_path / "zoo")
    with pytest.raises(InputError, match="it has no config"):
        locate(tmp_path)
    with pytest.raises(InputError, match="neither a folder nor a model"):
        locate("segment/none")
    assert zoo_names() == ()


def test_a_name_is_looked_for_among_the_models_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setattr(place, "ZOO", tmp_path / "zoo")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(place.MODELS, raising=False)
    with pytest.raises(InputError, match=r"^cxr-50x1-remedis-m: is given out on request only; request it .*10\.13026"):
        locate("cxr-50x1-remedis-m")
    mine = model_at(tmp_path / "models" / "cxr-50x1-remedis-m")
    monkeypatch.setenv(place.MODELS, str(tmp_path / "models"))
    assert locate("cxr-50x1-remedis-m") == mine
    assert locate(model_at(tmp_path / "cxr-50x1-remedis-m")) == tmp_path / "cxr-50x1-remedis-m"
