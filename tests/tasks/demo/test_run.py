import csv
import json

import pytest

from vesalius.codec.verify import verify
from vesalius.errors import OutputError
from vesalius.scan.open import open_scan
from vesalius.tasks.demo import run as module


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The demo on its two smallest subjects."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    small = tuple(subject for subject in module.SUBJECTS if subject.name in ("functional", "ct"))
    assert len(small) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SUBJECTS", small)
        for name in ("tokens", "volumes", "models", "pictures", "images"):
            patch.setattr(module, f"show_{name}", lambda report, *rest: report.section("A system"))
        return folder, small, module.demo(folder, threads=2)


def test_lossless_files_are_equal_and_rows_are_measured(made):
    folder, small, result = made
    rows = {(row["scan"], row["target"]): row for row in result.rows}
    for subject in small:
        assert rows[subject.name, "lossless"]["equal"] is True
        path = folder / "scans" / f"{subject.name}-lossless.vsl"
        assert rows[subject.name, "lossless"]["bytes"] == path.stat().st_size
        assert [check.equal for check in verify(path, open_scan(subject.path))] == [True]
        for target in subject.targets:
            row = rows[subject.name, target.words]
            if target.psnr is not None:
                assert row["psnr_db"] >= target.psnr
            if target.max_error is not None:
                assert row["max_error"] <= target.max_error


def test_the_folder_is_a_run_folder(made):
    folder, _, result = made
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Not a medical device" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert len(summary["results"]["rows"]) == len(result.rows)
    with (folder / "table.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(result.rows)
    assert not list(folder.glob("restored-*"))


def test_people_read_one_line_a_row(made):
    _, _, result = made
    assert len(list(module.lines(result))) == len(result.rows) + 2


def test_an_existing_folder_is_refused_before_anything_is_done(made):
    with pytest.raises(OutputError):
        module.demo(made[0])
