"""What `import vesalius` offers is there, and every verb of the command line is among it."""

from importlib.util import find_spec

import pytest

import vesalius

VERBS = {
    "demo": "demo", "inspect": "inspect", "convert": "convert", "compress": "compress", "decompress": "decompress",
    "verify": "verify", "train": "train", "predict": "predict", "embed": "embed", "export": "export_model",
    "report": "run_report", "info": "info",
}  # fmt: skip


def test_the_three_lists_agree():
    assert sorted([*vesalius._HOMES, "__version__"]) == sorted(vesalius.__all__)


@pytest.mark.parametrize("name", sorted(vesalius._HOMES))
def test_each_name_is_there(name):
    try:
        assert callable(getattr(vesalius, name))
    except ModuleNotFoundError as error:
        if find_spec("torch") is not None or error.name not in ("torch", "safetensors", "timm", "accelerate"):
            raise
        pytest.skip("needs torch")


def test_each_verb_is_a_function():
    import typer

    from vesalius.cli.main import app

    commands = typer.main.get_command(app).commands
    single = {name for name, command in commands.items() if not hasattr(command, "commands")}
    assert single == set(VERBS)
    assert set(VERBS.values()) <= set(vesalius.__all__)


def test_an_unknown_name_is_told():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = vesalius.nothing
