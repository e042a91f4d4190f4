import pytest

from cohort.audit.planted import FAULTS, manifest, sound
from real_data import real
from vesalius.cohort.audit.run import audit
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_lines
from vesalius.errors import InputError


def test_a_sound_cohort_has_no_findings(tmp_path):
    result = audit(*read_lines(manifest(tmp_path, sound(tmp_path))))
    assert [str(finding) for finding in result.findings] == []
    assert result.looked == 10
    whole, train, val, test = result.parts
    assert (whole.cases, train.cases, val.cases, test.cases) == (10, 6, 2, 2)
    assert whole.patients == 10
    assert whole.positives == {"any": (5, 10), "epidural": (5, 10)}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_planted_fault_is_named_in_one_line(tmp_path, fault):
    planted = FAULTS[fault]
    rows = sound(tmp_path)
    planted.plant(tmp_path, rows)
    result = audit(*read_lines(manifest(tmp_path, rows)), workers=2)
    told = [
        one for one in result.findings if one.code == planted.code and all(name in one.text for name in planted.names)
    ]
    assert len(told) >= 1, [str(one) for one in result.findings]
    assert {one.level for one in told} == {planted.level}
    for line in map(str, result.findings):
        assert "\n" not in line
        assert "patient 0" not in line  # no names of patients


def test_twenty_and_more_faults_are_listed():
    assert len(FAULTS) >= 20


def test_workers_change_nothing_and_pixels_can_be_left_alone(tmp_path):
    rows = sound(tmp_path)
    for plant in ("a NaN", "nearly the same pixels", "a patient in two splits"):
        FAULTS[plant].plant(tmp_path, rows)
    path = manifest(tmp_path, rows)
    assert audit(*read_lines(path), workers=1) == audit(*read_lines(path), workers=4)
    light = audit(*read_lines(path), pixels=False)
    assert light.looked == 0
    assert [one.code for one in light.findings] == ["patient-in-two-splits"]
    assert light.count("error") == 1
    lines = []
    audit(*read_lines(path), progress=lines.append)
    assert lines[-1] == "10 of 10 cases read"


def test_a_manifest_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        audit(*read_lines(tmp_path / "none.jsonl"))


@pytest.mark.data
def test_real_cohorts_have_no_false_twins():
    folder = real("fundus-idrid/images")
    cases = [Case(id=path.stem, images={"image": path.name}) for path in sorted(folder.glob("*.jpg"))[:120]]
    assert {one.code for one in audit(Cohort(tuple(cases), folder), workers=2).findings} == {"no-patient"}
