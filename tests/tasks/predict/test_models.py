from pathlib import Path

import pytest

from tasks.predict.test_run import make_model
from vesalius.errors import UsageError
from vesalius.tasks.predict.models import is_model, models_first


def test_models_come_before_inputs(tmp_path):
    first, second = (str(make_model(tmp_path / name)) for name in "ab")
    scans = tmp_path / "scans"
    assert models_first(first, [Path(second), scans]) == ([first, second], [scans])
    assert models_first(first, [scans, Path(second)]) == ([first], [scans, Path(second)])
    zoo = Path("segment/cine_unet")
    assert models_first("segment/cine_segresnet", [zoo, scans]) == (["segment/cine_segresnet", zoo.as_posix()], [scans])
    with pytest.raises(UsageError, match="b: is a model, and no input follows; name scans after the models"):
        models_first(first, [Path(second)])


def test_a_folder_of_scans_is_no_model(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text('{"scanner": "A"}')
    assert not is_model(tmp_path)
    (tmp_path / "config.json").write_text("[")
    assert not is_model(tmp_path)
    (tmp_path / "segment" / "cine_unet").mkdir(parents=True)
    assert is_model(Path("segment/cine_unet"))
    monkeypatch.chdir(tmp_path)
    assert not is_model(Path("segment/cine_unet"))
    run = tmp_path / "run"
    run.mkdir()
    make_model(run / "model")
    assert is_model(run)
    assert not is_model(tmp_path / "none.nii.gz")
