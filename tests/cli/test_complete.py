import json
import os
import subprocess
import sys

from vesalius.cli import complete
from vesalius.codec.coders.table import CODERS

SCRIPT = """
import contextlib, io, json, os, sys
from vesalius.cli.main import run
answers = []
for words in json.load(sys.stdin):
    os.environ.update(_VESALIUS_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split(" ")) - 1))
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        run([])
    answers.append(shown.getvalue().split())
print(json.dumps({"answers": answers, "heavy": sorted({"torch", "monai", "pydicom"} & set(sys.modules))}))
"""


def test_a_shell_completes_verbs_and_values_without_torch():
    lines = {
        "vesalius comp": "compress",
        "vesalius evaluate label": "label-efficiency",
        "vesalius predict segment/cine_u": "segment/cine_unet",
        "vesalius train segment/hip": "segment/hippocampus",
        "vesalius train segment/hippocampus train.ep": "train.epochs=",
        "vesalius cohort build ni": "nih",
        "vesalius weights fetch rad": "rad-dino",
        "vesalius compress x --coder wl": "wls",
        "vesalius train x --device gp": "gpu",
    }
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command, input=json.dumps(list(lines)), capture_output=True, text=True, env={**os.environ}, check=False
    )
    told = json.loads(done.stdout)
    assert dict(zip(lines, told["answers"], strict=True)) == {line: [value] for line, value in lines.items()}
    assert told["heavy"] == []


def test_names_begin_with_what_was_typed():
    assert complete.coders("") == ["auto", *CODERS]
    assert complete.models("nothing") == []
