from pathlib import Path

import numpy as np
import pytest

from vesalius.errors import InputError
from vesalius.scan.slicer.nrrd_header import number_into, read_header

MINIMAL = "NRRD0004\ntype: short\ndimension: 3\nsizes: 4 3 2\nendian: big\nencoding: raw\n"


def header(tmp_path: Path, text: str, data: bytes = b""):
    path = tmp_path / "head.nhdr"
    path.write_bytes(text.encode() + data)
    return read_header(path)


def test_fields_and_pairs(tmp_path):
    text = (
        MINIMAL.replace("\n", "\r\n")
        + '# said: twice\r\ncontent: a: b\r\nlabels: "x axis" "y" "z"\r\nkey:=value: with\r\n\r\n'
    )
    found = header(tmp_path, text, b"1234")
    assert found.sizes == (4, 3, 2)
    assert found.dtype == np.dtype(">i2")
    assert found.encoding == "raw"
    assert found.fields["content"] == "a: b"
    assert found.pairs == {"key": "value: with"}
    assert found.words("labels") == ["x axis", "y", "z"]
    assert found.words("kinds") == ["", "", ""]
    assert found.length == len(text)


def test_vectors(tmp_path):
    found = header(tmp_path, MINIMAL + "space directions: none (1, -2.5e0,0)  none (0,0,1)\n\n")
    first, second, third, fourth = found.vectors("spacedirections")
    assert first is None
    assert third is None
    assert second.tolist() == [1, -2.5, 0]
    assert fourth.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("NRRD0004", "NRRDXXXX", "is not an NRRD file"),
        ("sizes: 4 3 2", "sizes: 4 3", "do not agree"),
        ("sizes: 4 3 2", "sizes: 4 3 two", "does not hold numbers"),
        ("sizes: 4 3 2", "sizes: 4 0 2", "empty"),
        ("sizes: 4 3 2", "sizes: 4 -3 2", "empty"),
        ("dimension: 3", "dimension: 2", "do not agree"),
        ("type: short", "type: block", "'block'"),
        ("endian: big", "content: x", "byte order"),
        ("endian: big", "endian: middle", "byte order"),
        ("encoding: raw", "encoding: zip", "'zip'"),
        ("encoding: raw", "encoding: raw\nencoding: raw", "twice"),
        ("encoding: raw", "encoding: raw\nnonsense", "line 7 is not a field"),
        ("encoding: raw", "encoding: raw\nline skip: -1", "impossible"),
        ("encoding: raw", "encoding: gzip\nbyte skip: -1", "impossible"),
        ("encoding: raw", "encoding: raw\ndata file: x%d.raw 1 1000000 1", "too many"),
        ("encoding: raw", "encoding: raw\ndata file: LIST", "names no file"),
        ("encoding: raw", "encoding: raw\nspace directions: (a,b)", "not hold vectors"),
        ("encoding: raw", 'encoding: raw\nkinds: "open', "unclosed quote"),
    ],
)
def test_damaged_headers_are_told_in_one_line(old, new, what, tmp_path):
    def use():
        found = header(tmp_path, MINIMAL.replace(old, new) + "\n")
        found.pieces(found.dtype.itemsize * int(np.prod(found.sizes)))
        found.vectors("spacedirections")
        found.words("kinds")

    with pytest.raises(InputError, match=what) as caught:
        use()
    assert "head.nhdr" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_where_the_values_lie(tmp_path):
    (tmp_path / "one.raw").write_bytes(b"first\nsecond\n" + bytes(48))
    cases = {
        "": ["head.nhdr"],
        "data file: one.raw\n": ["one.raw"],
        "datafile: a%03d.raw 8 12 2\n": ["a008.raw", "a010.raw", "a012.raw"],
        "data file: a%d.raw 3 1 -1\n": ["a3.raw", "a2.raw", "a1.raw"],
        "data file: LIST 2\nx.raw\ny.raw\n": ["x.raw", "y.raw"],
    }
    for text, names in cases.items():
        assert [piece.path.name for piece in header(tmp_path, MINIMAL + text).pieces(48)] == names
    (lines,) = header(tmp_path, MINIMAL + "data file: one.raw\nline skip: 2\nbyte skip: 4\n").pieces(48)
    assert (lines.offset, lines.skip) == (13, 4)
    (end,) = header(tmp_path, MINIMAL + "data file: one.raw\nbyte skip: -1\n").pieces(48)
    assert (end.offset, end.skip) == (13, 0)


@pytest.mark.parametrize(
    ("pattern", "shown"), [("a%d.x", "a7.x"), ("a%03d.x", "a007.x"), ("a%3d.x", "a  7.x"), ("plain", "plain")]
)
def test_numbers_in_names(pattern, shown):
    assert number_into(pattern, 7) == shown
