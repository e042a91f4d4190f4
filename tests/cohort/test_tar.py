import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from cohort.tars import write
from vesalius.cohort.content import Contents, stamp_of
from vesalius.cohort.item import TarMember
from vesalius.cohort.tar import members_of, read_member, spans, unpacked
from vesalius.errors import InputError

MANY = [
    ("a.png", b"x" * 700),
    ("./b.png", b""),
    ("deep/" + "n" * 200 + ".png", b"long"),
    ("c.0.dcm", b"0"),
    ("c.1.dcm", b"1"),
]


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_are_read_in_any_order(tmp_path, format_):
    with tarfile.open(tmp_path / "x.tar", "w", format=format_) as tar:
        for name, data in MANY:
            if format_ != tarfile.USTAR_FORMAT or len(name) < 100:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    found = spans(tmp_path / "x.tar")
    assert "link.png" not in found
    for name, data in reversed(MANY):
        if name.removeprefix("./") in found:
            assert read_member(tmp_path / "x.tar", name.removeprefix("./")) == data
    assert members_of(tmp_path / "x.tar", TarMember("c.*")) == ["c.0.dcm", "c.1.dcm"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:1000], "not a readable uncompressed tar file"),
        (lambda data: data[: 512 + 1024], "damaged or cut"),
        (lambda data: data[:1536] + b"\x07" * 512 + data[2048:], "damaged or cut behind its member 1"),
        (lambda _: b"no tar at all" * 100, "not a readable uncompressed tar file"),
        (lambda _: b"", "not a readable uncompressed tar file"),
    ],
)
def test_damage_is_one_line(tmp_path, change, message):
    path = write(tmp_path / "x.tar", MANY)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=message) as error:
        spans(path)
    assert "\n" not in str(error.value)


def test_what_is_no_shard(tmp_path):
    with pytest.raises(InputError, match=r"gunzip a \.tar\.gz"):
        spans(write(tmp_path / "z.tar", MANY, "w:gz"))
    with pytest.raises(InputError, match=r"holds the member a\.png twice"):
        spans(write(tmp_path / "t.tar", [MANY[0], MANY[0]]))
    with pytest.raises(InputError, match="No such file"):
        spans(tmp_path / "none.tar")
    path = write(tmp_path / "x.tar", MANY)
    for member in ("d.png", "d.*"):
        with pytest.raises(InputError, match="has no member d"):
            members_of(path, TarMember(member)) and read_member(path, member)


def test_a_rewritten_shard_is_walked_again(tmp_path):
    path = write(tmp_path / "x.tar", MANY)
    assert "a.png" in spans(path)
    write(path, [("new.png", b"1")])
    assert list(spans(path)) == ["new.png"]


def test_a_pair_comes_along_and_errors_name_the_shard(tmp_path):
    path = write(tmp_path / "x.tar", [("k.image.img", b"pixels"), ("k.image.hdr", b"header")])
    with unpacked(path, TarMember("k.image.img")) as place:
        assert place.with_suffix(".hdr").read_bytes() == b"header"
    assert not place.exists()
    with (
        pytest.raises(InputError, match=r"x\.tar#k\.image\.img: is odd"),
        unpacked(path, TarMember("k.image.img")) as at,
    ):
        raise InputError("is odd", where=at)


def test_a_file_has_one_digest_inside_a_shard_and_outside(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.eye(4, dtype=np.uint8)).save(buffer, "png")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    path = write(tmp_path / "x.tar", [("k.png", buffer.getvalue()), ("l.png", b"other")])
    contents = Contents()
    alone = contents.digest(tmp_path / "a.png", stamp_of(tmp_path / "a.png"))
    members = [contents.digest(path, stamp_of(path), TarMember(name)) for name in ("k.png", "l.png", "k.png")]
    assert members[0] == members[2] == alone != members[1]
