import pytest

from cohort.audit.planted import sound
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import OutputError
from vesalius.tasks.cohort.build import build_manifest, lines


def test_a_manifest_beside_or_away_from_the_data(tmp_path):
    (tmp_path / "data").mkdir()
    sound(tmp_path / "data")
    result = build_manifest("images", tmp_path / "data", tmp_path / "out" / "m.csv", ["patient=i(\\d)"])
    assert next(iter(lines(result))) == "all: 20 cases, 10 patients and 10 studies without one"
    cohort = read_manifest(tmp_path / "out" / "m.csv")
    assert all(cohort.path(path).exists() for case in cohort for path in case.paths)
    assert {case.patient for case in cohort if case.patient} == set("0123456789")
    with pytest.raises(OutputError, match="exists already"):
        build_manifest("images", tmp_path / "data", tmp_path / "out" / "m.csv")
