import datetime
import getpass
import platform
import re
from pathlib import Path

import numpy as np

import vesalius
from vesalius.report.made import command_line, made


def test_it_tells_command_day_and_versions_and_nothing_of_the_machine():
    facts = made("vesalius demo", 3, {"Points": "eight"})
    assert facts.command == "vesalius demo"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", facts.date)
    assert abs(datetime.date.fromisoformat(facts.date) - datetime.date.today()) <= datetime.timedelta(days=1)
    assert facts.versions["vesalius"] == vesalius.__version__
    assert facts.versions["numpy"] == np.__version__
    assert facts.facts["Points"] == "eight"
    assert facts.facts["Threads"].startswith("3 on ")
    text = facts.model_dump_json()
    assert platform.node() not in text
    assert f"/{getpass.getuser()}" not in text


def test_a_command_shows_last_names_of_paths_only(tmp_path):
    options = {"split": "test", "lv": None, "spacing_from": "pixdim"}
    shown = command_line("evaluate masks", tmp_path / "p", tmp_path / "r", "-o", Path("out"), **options)
    assert shown == "vesalius evaluate masks p r -o out --split test --spacing-from pixdim"
    shown = command_line("x", f"data.manifest={tmp_path}/m.jsonl", "segment/a", skip_invalid=True, force=False)
    assert shown == "vesalius x data.manifest=m.jsonl segment/a --skip-invalid"
    shown = command_line("x", vectors=tmp_path / "v.npy", classes="1=LV,2=RV")
    assert shown == "vesalius x --vectors v.npy --classes 1=LV,2=RV"
