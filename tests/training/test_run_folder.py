import json

import pytest
import yaml

from vesalius.errors import ConfigError, OutputError
from vesalius.training.config import TrainConfig
from vesalius.training.run_folder import begin, write_environment


def test_defaults_are_written_out(tmp_path):
    assert not begin(tmp_path / "run", TrainConfig(), resume=False)
    told = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert TrainConfig.parse(told) == TrainConfig()


def test_an_old_run_is_kept(tmp_path):
    begin(tmp_path, TrainConfig(), resume=False)
    with pytest.raises(OutputError, match="pass --resume or --force"):
        begin(tmp_path, TrainConfig(), resume=False)
    assert not begin(tmp_path, TrainConfig(), resume=True)
    (tmp_path / "last").mkdir()
    (tmp_path / "last" / "state.safetensors").touch()
    assert begin(tmp_path, TrainConfig(), resume=True)
    (tmp_path / "notes.txt").write_text("mine")
    assert not begin(tmp_path, TrainConfig(), resume=False, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "notes.txt"]


def test_the_first_differing_key_is_told(tmp_path):
    begin(tmp_path, TrainConfig.build(optimizer={"lr": 0.1}), resume=False)
    with pytest.raises(ConfigError, match=r"optimizer\.lr: was 0\.1 when this run began and is 0\.2 now"):
        begin(tmp_path, TrainConfig.build(optimizer={"lr": 0.2}), resume=True)
    (tmp_path / "config.yaml").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        begin(tmp_path, TrainConfig(), resume=True)


def test_the_environment_holds_no_names(tmp_path):
    write_environment(tmp_path, {"device": "cpu"})
    told = json.loads((tmp_path / "env.json").read_text())
    assert told["packages"]["torch"]
    assert set(told) == {"vesalius", "python", "system", "machine", "packages", "threads", "device"}
