"""What `import vesalius` offers is there, and every verb of the command line is among it."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import vesalius

VERBS = {
    "demo": "demo", "inspect": "inspect", "convert": "convert", "compress": "compress", "decompress": "decompress",
    "verify": "verify", "train": "train", "predict": "predict", "embed": "embed", "export": "export_model",
    "search": "search", "generate": "generate", "app": "serve",
    "report": "run_report", "info": "info",
}  # fmt: skip


def test_the_stub_lists_each_name_once():
    stub = Path(vesalius.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    names = re.findall(r"(\w+) as \1\b", stub)
    assert len(set(names)) == len(names) > 40
    assert sorted([*names, "__version__"]) == sorted(vesalius.__all__)
    assert set(names) <= set(dir(vesalius))


@pytest.mark.parametrize("name", sorted(set(vesalius.__all__) - {"__version__"}))
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


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No vesalius attribute nothing"):
        _ = vesalius.nothing


@pytest.mark.slow  # checks the whole package behind the name
def test_a_script_of_a_user_is_typed(tmp_path):
    pytest.importorskip("mypy")
    assert Path(vesalius.__file__).with_name("py.typed").exists()
    script = tmp_path / "script.py"
    script.write_text("from vesalius import open_scan\nreveal_type(open_scan)\nopen_scan(3)\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)
    assert "-> vesalius.scan.scan.Scan" in done.stdout
    assert 'Argument 1 to "open_scan" has incompatible type "int"' in done.stdout
