from vesalius.cohort.manifest import read_lines
from vesalius.tasks.cohort.audit import audit_cohort


def test_lines_of_images_are_a_manifest_and_every_bad_line_is_listed(tmp_path):
    lines = [
        '{"image_path": "a.png", "caption": "severe", "mask_path": "am.png", "split": "train"}',
        '{"image_path": "b.png", "caption": "normal", "mask_path": null}',
        '{"caption": "no picture"}',
        "not JSON",
        '{"image_path": 3}',
        '{"image_path": "c.png", "mask_path": 7}',
        '{"image_path": "d.png", "patient": "p1", "patient_id": "p2"}',
        '["a.png"]',
        '{"image_path": "e.png", "image_path": "f.png"}',
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(lines) + "\n")
    cohort, bad = read_lines(path)
    assert [case.id for case in cohort] == ["a", "b"]
    assert (cohort.cases[0].masks, cohort.cases[1].masks) == ({"mask": "am.png"}, {})
    assert [line.number for line in bad] == [3, 4, 5, 6, 7, 8, 9]
    assert "line 3: has no image_path" in map(str, bad)
    found = [str(finding) for finding in audit_cohort(path, pixels=False).findings if finding.level == "error"]
    assert all(any(f"line {number}" in text for text in found) for number in range(3, 10))
