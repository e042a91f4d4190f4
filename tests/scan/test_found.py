import pytest

from vesalius.errors import InputError
from vesalius.scan.found import closed_folder, refused


def test_a_refused_file_says_where_and_raises_when_opened(tmp_path):
    found = refused(tmp_path / "a.dcm", InputError("is an empty file", fix="copy it again"))
    assert (found.path, found.format, found.name) == (tmp_path / "a.dcm", "dicom", "a")
    with pytest.raises(InputError) as error:
        found.open()
    assert str(error.value) == f"{tmp_path / 'a.dcm'}: is an empty file; copy it again"
    assert error.value is found.refusal


def test_a_folder_that_cannot_be_listed_keeps_its_reason(tmp_path):
    found = closed_folder(tmp_path, PermissionError(13, "Permission denied"))
    assert found.format == "folder"
    assert str(found.refusal).startswith(f"{tmp_path}: cannot be listed (Permission denied)")
