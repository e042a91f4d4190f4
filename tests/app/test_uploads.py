import stat
import zipfile

import pytest

from vesalius.app import uploads
from vesalius.app.uploads import scan_of
from vesalius.errors import InputError, UsageError


def _zip(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


def test_a_file_is_taken_as_it_is(tmp_path):
    assert scan_of([tmp_path / "a.nii.gz"], tmp_path / "new") == tmp_path / "a.nii.gz"
    assert not (tmp_path / "new").exists()


def test_several_files_become_a_folder(tmp_path):
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_text(name)
    folder = scan_of([tmp_path / "a.dcm", tmp_path / "b.dcm"], tmp_path / "new")
    assert sorted(path.name for path in folder.iterdir()) == ["a.dcm", "b.dcm"]


def test_an_archive_is_unpacked_and_equal_names_stay_apart(tmp_path):
    path = _zip(tmp_path / "s.zip", one__i1="1", two__i1="2", **{".hidden__i1": "no"})
    folder = scan_of([path], tmp_path / "new")
    assert sorted(file.read_text() for file in folder.rglob("*") if file.is_file()) == ["1", "2"]


def test_an_archive_of_one_scan_is_that_file(tmp_path):
    assert scan_of([_zip(tmp_path / "s.zip", **{"deep__a.nii": "x"})], tmp_path / "new").name == "a.nii"


def test_nothing_leaves_the_folder_and_links_are_left_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("../../out.txt", "escaped")
        archive.writestr("also/../../up.txt", "escaped")
        archive.writestr("a/b.txt", "inside")
        archive.writestr("/abs.txt", "escaped")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    folder = scan_of([tmp_path / "s.zip"], tmp_path / "inside" / "new")
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {"b.txt", "abs.txt"}
    assert not list(tmp_path.glob("*.txt"))


def test_too_much_is_refused_whatever_the_archive_states(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "UNPACKED_MB", 0)
    with pytest.raises(InputError, match="unpacks to more"):
        scan_of([_zip(tmp_path / "s.zip", a="x")], tmp_path / "new")
    monkeypatch.setattr(uploads, "MOST_FILES", 1)
    with pytest.raises(InputError, match="holds 2 files"):
        scan_of([_zip(tmp_path / "t.zip", a="x", b="y")], tmp_path / "newer")


def test_damaged_archives_and_no_file_are_lines(tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(InputError, match="damaged zip"):
        scan_of([tmp_path / "bad.zip"], tmp_path / "new")
    with pytest.raises(UsageError, match="no scan was dropped"):
        scan_of([], tmp_path / "other")
