import pytest

from vesalius.errors import ConfigError, InputError, OutputError
from vesalius.tasks.early import check_any_there, check_free, check_model, check_run, check_settings, check_there

HIPPOCAMPUS = "segment/hippocampus"


def test_paths_and_models(tmp_path):
    there, absent = tmp_path, tmp_path / "absent"
    check_there(there, None)
    check_any_there([absent, there])
    check_model("segment/cine_unet", None)
    check_settings("generate/sample")
    check_settings(None)
    check_free(absent, force=False)
    (there / "file.txt").touch()
    check_free(there, force=True)
    with pytest.raises(InputError, match="no such file or folder"):
        check_there(there, absent)
    with pytest.raises(InputError, match="no such file or folder"):
        check_any_there([absent, absent])
    with pytest.raises(InputError, match="neither a folder nor a model"):
        check_model("segment/cine_unet", "absent")
    with pytest.raises(InputError, match="neither a file nor a configuration"):
        check_settings("absent.yaml")
    with pytest.raises(OutputError, match="exists already"):
        check_free(there, force=False)


@pytest.mark.parametrize(
    ("words", "error", "line"),
    [
        (["train.epoch=5"], ConfigError, f"{HIPPOCAMPUS}: train.epoch: no such key; did you mean 'epochs'?"),
        (["trian.epochs=5"], ConfigError, f"{HIPPOCAMPUS}: trian: no such key; did you mean 'train'?"),
        ([], ConfigError, f"{HIPPOCAMPUS}: data.manifest: is required and missing; write data.manifest=PATH"),
        (["data.manifest=absent.jsonl"], InputError, "absent.jsonl: no such file or folder; write data.manifest=PATH"),
        (["data.manifest=[., absent]"], InputError, "absent: no such file or folder; write data.manifest=PATH"),
        (["data.manifest=.", "init_from=absent"], InputError, "absent: is neither a folder"),
        (["data.manifest=.", "init_from.model=absent"], InputError, "absent: is neither a folder"),
        (["words"], ConfigError, "words: is not of the form key=value"),
    ],
)
def test_keys_come_before_paths(words, error, line):
    with pytest.raises(error) as raised:
        check_run(HIPPOCAMPUS, words)
    assert str(raised.value).startswith(line)


def test_what_may_be_right_passes(tmp_path):
    check_run(HIPPOCAMPUS, ["data.manifest=.", "init_from=pretrained/{fold}", "data.cache=absent", "net.absent=1"])
    (tmp_path / "own.yaml").write_text("task: my_module:MyJob\nkey: 1\n")
    check_run(tmp_path / "own.yaml", ["other=2"])
    check_run("simclr/cxr", ["data.manifest=.", "train_batch_size=64"])
