import hashlib
import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from dicom_making import placed, save
from vesalius.cohort import content as module
from vesalius.cohort.content import Contents, files_of, stamp_of
from vesalius.errors import InputError


def digest(path, contents=None):
    return (contents or Contents()).digest(path, stamp_of(path))


def make_slice(path, n):
    path.parent.mkdir(parents=True, exist_ok=True)
    save(placed(np.full((4, 4), n, np.int16), (0, 0, n), number=n), path)


@pytest.fixture
def no_young(monkeypatch):
    monkeypatch.setattr(module, "_YOUNG_NS", -(10**12))


@pytest.fixture
def reads(monkeypatch):
    read = []
    whole = module._digest_file
    monkeypatch.setattr(module, "_digest_file", lambda path: read.append(path.name) or whole(path))
    return read


def test_a_file_counts_with_its_bytes(tmp_path):
    for name in ("a.npy", "b.npy"):
        (tmp_path / name).write_bytes(b"the same" * 999)
    assert digest(tmp_path / "a.npy") == digest(tmp_path / "b.npy") == hashlib.sha256(b"the same" * 999).hexdigest()
    assert stamp_of(tmp_path / "a.npy") != stamp_of(tmp_path / "b.npy")


def test_the_folder_of_a_slide_counts(tmp_path):
    (tmp_path / "s.mrxs").write_bytes(b"slide")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "Data0000.dat").write_bytes(b"one")
    assert files_of(tmp_path / "s.mrxs") == [tmp_path / "s.mrxs", tmp_path / "s" / "Data0000.dat"]
    before = digest(tmp_path / "s.mrxs")
    (tmp_path / "s" / "Data0000.dat").write_bytes(b"two")
    assert digest(tmp_path / "s.mrxs") != before


def test_a_digest_is_remembered_while_the_file_stays(tmp_path, no_young, reads):
    path, log = tmp_path / "a.nii", tmp_path / "known.txt"
    path.write_bytes(b"one")
    contents = Contents(log)
    first = digest(path, contents)
    assert digest(path, contents) == digest(path, Contents(log)) == first
    assert len(reads) == 1
    time.sleep(0.02)
    stat = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert digest(path, contents) != first
    assert len(reads) == 2
    assert "a.nii" not in log.read_text()


def test_a_young_file_is_read_again(tmp_path, reads):
    (tmp_path / "a.nii").write_bytes(b"one")
    contents = Contents(tmp_path / "known.txt")
    digest(tmp_path / "a.nii", contents)
    digest(tmp_path / "a.nii", contents)
    assert len(reads) == 2
    assert not (tmp_path / "known.txt").exists()


def test_damaged_lines_are_passed_over(tmp_path, no_young, reads):
    files = [tmp_path / f"{n}.nii" for n in range(3)]
    for n, file in enumerate(files):
        file.write_bytes(bytes([n]))
    contents = Contents(tmp_path / "known.txt")
    digests = [digest(file, contents) for file in files]
    log = tmp_path / "known.txt"
    lines = log.read_bytes().splitlines(keepends=True)
    changed = lines[1].replace(lines[1][70:72], b"00" if lines[1][70:72] != b"00" else b"11")
    log.write_bytes(b"\xff\n" + lines[0] + changed + lines[2][:90])
    again = Contents(log)
    assert [digest(file, again) for file in files] == digests
    assert sorted(reads) == ["0.nii", "0.nii", "1.nii", "1.nii", "2.nii", "2.nii"][1:]


def test_a_log_out_of_measure_is_begun_anew(tmp_path, no_young, monkeypatch):
    (tmp_path / "a.nii").write_bytes(b"one")
    digest(tmp_path / "a.nii", Contents(tmp_path / "known.txt"))
    monkeypatch.setattr(module, "_MAX_LOG_BYTES", 100)
    Contents(tmp_path / "known.txt")
    assert not (tmp_path / "known.txt").exists()


def test_dicom_files_count_in_any_order_and_pictures_by_name(tmp_path):
    for n in range(3):
        make_slice(tmp_path / "dicom" / f"{n}.dcm", n)
        make_slice(tmp_path / "renamed" / f"{9 - n}", n)
        (tmp_path / "stack").mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 4), n, np.uint8)).save(tmp_path / "stack" / f"s{n}.png")
    shutil.copytree(tmp_path / "stack", tmp_path / "moved")
    shutil.copytree(tmp_path / "stack", tmp_path / "swapped")
    (tmp_path / "swapped" / "s0.png").rename(tmp_path / "swapped" / "s.png")
    (tmp_path / "swapped" / "s1.png").rename(tmp_path / "swapped" / "s0.png")
    (tmp_path / "swapped" / "s.png").rename(tmp_path / "swapped" / "s1.png")
    assert digest(tmp_path / "dicom") == digest(tmp_path / "renamed")
    assert digest(tmp_path / "stack") == digest(tmp_path / "moved") != digest(tmp_path / "swapped")
    before = stamp_of(tmp_path / "dicom"), digest(tmp_path / "dicom")
    make_slice(tmp_path / "dicom" / "x" / "3.dcm", 3)
    assert stamp_of(tmp_path / "dicom") != before[0]
    assert digest(tmp_path / "dicom") != before[1]


def test_files_that_belong_together(tmp_path):
    for name in ("p.hdr", "p.img", "q.img.gz", "q.hdr.gz", "alone.img", "s.nii"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "v.raw").write_bytes(bytes(8))
    (tmp_path / "v.mhd").write_text(
        "NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = v.raw\n", encoding="ascii"
    )
    (tmp_path / "w.nhdr").write_text(
        "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: v.raw\n", encoding="ascii"
    )
    expected = {
        "p.hdr": ["p.hdr", "p.img"],
        "p.img": ["p.img", "p.hdr"],
        "q.img.gz": ["q.img.gz", "q.hdr.gz"],
        "alone.img": ["alone.img"],
        "s.nii": ["s.nii"],
        "v.mhd": ["v.mhd", "v.raw"],
        "w.nhdr": ["w.nhdr", "v.raw"],
    }
    for name, files in expected.items():
        assert [file.name for file in files_of(tmp_path / name)] == files
    before = digest(tmp_path / "v.mhd")
    (tmp_path / "v.raw").write_bytes(bytes(7) + b"1")
    assert digest(tmp_path / "v.mhd") != before


def test_nothing_there_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("gone.nii", "empty"):
        with pytest.raises(InputError):
            stamp_of(tmp_path / name)


def test_dicom_without_its_magic_counts_under_any_name(tmp_path):
    make_slice(tmp_path / "one" / "IM1", 1)
    bare = (tmp_path / "one" / "IM1").read_bytes()[132:]
    (tmp_path / "one" / "IM1").write_bytes(bare)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "IM7").write_bytes(bare)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
