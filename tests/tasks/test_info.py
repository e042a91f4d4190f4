import json
from dataclasses import replace
from importlib.metadata import version

import vesalius
from vesalius.codec.coders.table import CODERS
from vesalius.json_values import as_json
from vesalius.tasks.info import info, lines


def test_versions_coders_and_formats_are_told():
    facts = info()
    assert facts.vesalius == vesalius.__version__
    assert facts.packages["nibabel"] == version("nibabel")
    assert facts.coders == tuple(CODERS)
    assert {"dicom", "nii.gz", "nrrd", "png"} <= set(facts.reads)
    assert "segment" in facts.trains
    assert "segment/hippocampus" in facts.configs
    assert json.loads(json.dumps(as_json(facts)))["coders"] == list(CODERS)


def test_people_read_the_same_and_the_notice():
    facts = info()
    shown = "\n".join(lines(facts))
    assert "DICOM SR / SEG writing" in shown
    assert facts.extras["DICOM SR / SEG writing"] == "dicom"
    rows = [line.split("  ")[1] for line in shown.splitlines() if line.startswith("  ")]
    assert {*facts.models, *facts.configs, *facts.trains, *facts.optional} <= set(rows)
    assert all((facts.models | facts.configs | facts.trains).values())
    assert facts.devices[0].startswith("cpu: ")
    assert vesalius.__version__ in shown
    assert "not a medical device" in shown
    assert all(name in shown for name in CODERS)


def test_a_missing_part_names_what_pip_takes():
    bare = replace(info(), optional={"web page": None}, extras={"web page": "app"})
    assert "  web page  needs pip install 'vesalius[app]'" in lines(bare)


def test_the_gpus_are_those_of_the_driver(tmp_path, monkeypatch):
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771 MiB'\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert info().devices[1:] == ("gpu: NVIDIA H200, 143771 MiB",)
    driver.write_text("#!/bin/sh\nexit 9\n")
    assert info().devices[1:] == ("gpu: the NVIDIA driver does not answer",)
    driver.unlink()
    assert info().devices[1:] == ("gpu: none (no NVIDIA driver)",)
