import json

import pytest
from markupsafe import escape

from cohort.audit.planted import FAULTS, manifest, sound
from vesalius.errors import OutputError
from vesalius.tasks.cohort.audit import audit_cohort, lines


def test_a_report_tells_the_same_as_the_terminal(tmp_path):
    rows = sound(tmp_path)
    FAULTS["a patient in two splits"].plant(tmp_path, rows)
    FAULTS["a mask without a finding"].plant(tmp_path, rows)
    result = audit_cohort(manifest(tmp_path, rows), tmp_path / "out", workers=2)
    text = list(lines(result))
    assert text[0].startswith("error: patient-in-two-splits: the same patient is in split train (case c0)")
    assert text[1].startswith("warning: empty-mask: c5")
    assert text[2] == "10 cases (10 read): 1 error(s), 1 warning(s), 0 note(s)"
    assert text[3] == "all: 10 cases, 9 patients; any 5/10, epidural 5/10"
    assert result.failed == 1
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Research use only" in page
    for finding in result.findings:
        assert str(escape(finding.text)) in page
    assert "patient 0" not in page
    assert str(tmp_path) not in page
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["results"]["counts"] == {"error": 1, "warning": 1, "note": 0}
    assert (tmp_path / "out" / "table.csv").read_text().splitlines()[1].startswith("error,patient-in-two-splits,")


def test_a_sound_cohort_says_so(tmp_path):
    result = audit_cohort(manifest(tmp_path, sound(tmp_path)), tmp_path / "out")
    assert (result.failed, result.findings) == (0, ())
    assert "No problem was found" in (tmp_path / "out" / "report.html").read_text()
    with pytest.raises(OutputError, match="exists already"):
        audit_cohort(tmp_path / "manifest.jsonl", tmp_path / "out")


def test_how_a_manifest_was_read_is_a_note(tmp_path):
    rows = sound(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "i0.nii.gz").rename(tmp_path / "d" / "i0.nii.gz")
    rows[0]["images"]["image"] = "d\\i0.nii.gz"
    result = audit_cohort(manifest(tmp_path, rows))
    text = "paths that exist only with slashes, read so: 1 (c0)"
    assert [(finding.level, finding.code, finding.text) for finding in result.findings] == [("note", "reading", text)]
    assert next(lines(result)) == f"note: reading: {text}"


def test_a_table_of_series_is_audited(tmp_path):
    sound(tmp_path)
    (tmp_path / "t.csv").write_text("NIFTI_PATH;any;patient_id;split\ni0.nii.gz;1;p;train\ni1.nii.gz;0;p;test\n")
    result = audit_cohort(tmp_path / "t.csv")
    assert "patient-in-two-splits" in [finding.code for finding in result.findings]
    assert (result.cases, result.looked) == (2, 2)
