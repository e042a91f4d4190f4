"""The files that tell the version tell one version; constraints.txt meets what pyproject.toml asks for."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import vesalius
from house.files import ROOT


def _pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    asked = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(one.name): one for one in asked}


def test_the_citation_and_the_changelog_tell_the_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^version: {re.escape(vesalius.__version__)}$", citation, re.MULTILINE)
    assert f"## [{vesalius.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_constraint_is_one_exact_version():
    for one in _pins().values():
        assert [spec.operator for spec in one.specifier] == ["=="], one
        assert one.url is None


def test_the_constraints_meet_the_declared_ranges():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    pins = _pins()
    for text in project["dependencies"] + extras["dev"] + extras["nets"] + extras["onnx"] + extras["dicom"]:
        wanted = Requirement(text)
        pin = pins.get(canonicalize_name(wanted.name))
        if pin is None:
            assert text in extras["nets"], f"{wanted.name} has no line in constraints.txt"
            continue
        version = next(iter(pin.specifier)).version
        assert wanted.specifier.contains(version), f"{pin} is outside {wanted}"
