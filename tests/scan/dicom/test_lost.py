import numpy as np
import pytest

from dicom_making import instance, placed, save
from vesalius.errors import InputError
from vesalius.scan.dicom.header import read_instance
from vesalius.scan.dicom.lost import HeaderOnlyError, Strangers
from vesalius.scan.dicom.series import list_series


def flat(value=0):
    return np.full((4, 6), value, np.int16)


def series(folder, names):
    """A series under these names."""
    return [save(placed(flat(n), (0, 0, n)), folder / name) for n, name in enumerate(names)]


def reasons(paths):
    found = [one for one in list_series(paths)[0] if one.refusal is not None]
    return {one.path.name: one.refusal.what for one in found}


NAMES = (("IM1", "IM2", "IM10"), ("a-1.dcm", "a-2.dcm", "a-3.dcm"), ("1.2.3", "1.2.4", "1.2.30.1"))


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("content", ["", "zeros", "text"])
def test_a_file_named_like_its_neighbours_is_lost_not_skipped(names, content, tmp_path):
    paths = series(tmp_path, names)
    paths[2].write_bytes({"": b"", "zeros": bytes(5000), "text": b"<html>not found</html>"}[content])
    what = "is an empty file" if not content else "holds no DICOM picture although its name says so"
    assert reasons(paths) == {names[2]: what}
    scan = list_series(paths)[0][0].open()
    assert scan.shape[4] == 2
    assert scan.problems[-1] == f"1 file in its folder cannot be read and may be of this scan: {names[2]}"


def test_what_is_named_otherwise_is_no_loss(tmp_path):
    paths = series(tmp_path, ("IM1", "IM2", "IM3"))
    others = [tmp_path / name for name in ("README", "IM1.txt", "scan1", "x/IM4")]
    (tmp_path / "x").mkdir()
    for path in others:
        path.write_text("text")
    found, rest = list_series([*paths, *others])
    assert [one.open().problems for one in found] == [list_series(paths)[0][0].open().problems]
    assert rest == others


@pytest.mark.parametrize("cut", [140, 200, 300, 401, 500])
def test_an_instance_that_ends_in_its_header_is_lost(cut, tmp_path):
    paths = series(tmp_path, ("1.dcm", "2.dcm", "3.dcm"))
    paths[1].write_bytes(paths[1].read_bytes()[:cut])
    assert set(reasons(paths)) == {"2.dcm"}
    with pytest.raises(InputError, match=r"2\.dcm: "):
        list_series(paths)[0][1].open()


def test_a_header_alone_is_lost_where_its_neighbours_have_pictures(tmp_path):
    paths = series(tmp_path, ("1.dcm", "2.dcm"))
    data = placed(flat(), (0, 0, 9))
    for name in ("Rows", "Columns", "PixelData"):
        delattr(data, name)
    (tmp_path / "other").mkdir()
    headers = [save(data, tmp_path / "3.dcm"), save(data, tmp_path / "other" / "3.dcm")]
    with pytest.raises(HeaderOnlyError, match="holds the header of a picture but no picture"):
        read_instance(headers[0])
    assert reasons([*paths, *headers]) == {"3.dcm": "holds the header of a picture but no picture"}
    assert len(list_series([*paths, headers[1]])[0]) == 1
    assert reasons(headers[:1]) == {"3.dcm": "holds the header of a picture but no picture"}


def test_other_objects_of_a_study_are_no_loss(tmp_path):
    paths = series(tmp_path, ("IM1", "IM2"))
    report = instance(flat(), sop_class="1.2.840.10008.5.1.4.1.1.88.11", Rows=None, Columns=None)
    del report.PixelData
    assert list_series([*paths, save(report, tmp_path / "IM3")])[1] == []
    assert reasons([*paths, tmp_path / "IM3"]) == {}


def test_what_cannot_be_read_is_an_error_not_a_stranger(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        Strangers().read(tmp_path / "absent", read_instance)
