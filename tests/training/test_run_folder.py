import json

import pytest
import yaml

from vesalius.errors import ConfigError, OutputError
from vesalius.training.config import TrainConfig
from vesalius.training.run_folder import begin, may_begin, note_files, write_environment


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
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "files.json", "notes.txt"]


@pytest.mark.parametrize("words", [{"force": True}, {"resume": True}, {}])
def test_a_folder_that_is_no_run_is_left_alone(tmp_path, words):
    kept = {"model/thesis.txt": "mine", "figures/mine.png": "too", "config.yaml": "server: 1"}
    for number in (2, 3):
        folder = tmp_path / str(number)
        for name, text in list(kept.items())[:number]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        if number == 3 and "resume" in words:
            continue  # its configuration differs: told by its keys
        with pytest.raises(OutputError, match="is not the folder of a run; choose another folder"):
            begin(folder, TrainConfig(), **{"resume": False, **words})
        assert all((folder / name).read_text() == text for name, text in list(kept.items())[:number])


def test_a_run_of_another_job_is_begun_anew(tmp_path):
    (tmp_path / "config.yaml").write_text("task: segment\ntrain: {}\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").touch()
    assert not begin(tmp_path, TrainConfig(), resume=False, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "files.json"]


def test_force_removes_the_files_that_the_run_listed_and_no_others(tmp_path):
    begin(tmp_path, TrainConfig(), resume=False, files=("report.html",))
    note_files(tmp_path, ["features/rows.csv", "probs.npy"])
    for name in ("report.html", "probs.npy", "notes.txt", "features/rows.csv", "model/config.json", "mine/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    begin(tmp_path, TrainConfig(), resume=False, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "files.json", "mine", "notes.txt"]


@pytest.mark.parametrize("text", ['["../c", "", "..", 3, "/c", "notes.txt/"]', "{", "7", '{"mine": 1}'])
def test_a_list_never_leads_out_of_the_folder(tmp_path, text):
    folder = tmp_path / "run"
    begin(folder, TrainConfig(), resume=False)
    (folder / "mine").touch()
    (tmp_path / "c").touch()
    (folder / "files.json").write_text(text)
    begin(folder, TrainConfig(), resume=False, force=True)
    assert (folder / "mine").exists()
    assert (tmp_path / "c").exists()


def test_volatile_keys_and_blocks_may_differ_on_resume(tmp_path):
    begin(tmp_path, TrainConfig.build(optimizer={"lr": 0.1}, epochs=3), resume=False)
    changed = TrainConfig.build(optimizer={"lr": 0.2}, epochs=4)
    with pytest.raises(ConfigError, match="epochs: was 3"):
        begin(tmp_path, changed, resume=True, volatile={"optimizer"})
    with pytest.raises(ConfigError, match=r"optimizer\.lr: was 0\.1"):
        begin(tmp_path, changed, resume=True, volatile={"epochs", "optimizer.l"})
    begin(tmp_path, changed, resume=True, volatile={"optimizer", "epochs"})


@pytest.mark.parametrize("words", [{"resume": True}, {"resume": False}, {"resume": False, "force": True}])
def test_where_no_folder_can_be_is_one_line(tmp_path, words):
    (tmp_path / "c.yaml").write_text("mine")
    for folder in (tmp_path / "c.yaml" / "x", tmp_path / "c.yaml", tmp_path / ("x" * 300)):
        with pytest.raises(OutputError):
            begin(folder, TrainConfig(), **words)
    assert (tmp_path / "c.yaml").read_text() == "mine"


def test_looking_writes_nothing(tmp_path):
    assert not may_begin(tmp_path / "run", TrainConfig(), resume=False)
    assert not (tmp_path / "run").exists()


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
