from dataclasses import replace

import numpy as np
import pytest

from vesalius.errors import CorruptFileError
from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack
from vesalius.tasks.predict.ledger import RECORD, Finished, Ledger, content_digest

SCAN = Scan.from_array(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))


def finished(name, digest, measures=None, files=()):
    return Finished(name, digest, measures or {}, f"given/{name}.nii", files)


def test_a_line_for_each_study(tmp_path):
    record = Ledger(tmp_path)
    record.add(finished("a", "1", {"x": 1.5}))
    record.add(finished("b", "2"))
    record.add(finished("a", "3", {"x": 2}, ("a/x.npy",)))
    again = Ledger.again(tmp_path, lambda name: name == "a")
    assert again.studies == {"a": finished("a", "3", {"x": 2}, ("a/x.npy",))}
    assert len((tmp_path / RECORD).read_text().splitlines()) == 1


def test_a_half_line_at_the_end_is_passed_over_and_a_broken_one_is_not(tmp_path):
    Ledger(tmp_path, [finished("a", "1")])
    with (tmp_path / RECORD).open("a") as file:
        file.write('{"na')
    assert list(Ledger.again(tmp_path, lambda _: True).studies) == ["a"]
    (tmp_path / RECORD).write_text("[1]\n")
    with pytest.raises(CorruptFileError, match=RECORD):
        Ledger.again(tmp_path, lambda _: True)


def test_names(tmp_path):
    record = Ledger(tmp_path, [finished("s", "1"), finished("s-2", "2")])
    assert record.name_for(("s",), "1", ()) == "s"
    assert record.name_for(("s",), "2", ()) == "s-2"
    assert record.name_for(("s",), "3", ()) == "s-3"
    assert record.name_for(("s",), "1", ("s",)) == "s-3"
    assert record.name_for(("t",), "1", ("t", "t-2")) == "t-3"
    assert record.name_for(("t", "s"), "2", ()) == "s-2"
    assert record.name_for(("t", "s"), "3", ()) == "t"


def test_emptied_of_its_own_files_alone(tmp_path):
    for name in ("a/x.npy", "a/mine.txt", "b/x.npy", "mine.nii", "c.nii"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    Ledger(
        tmp_path, [finished("a", "1", files=("a/x.npy", "gone.npy")), finished("b", "2", files=("b/x.npy", "c.nii"))]
    )
    assert Ledger.emptied(tmp_path).studies == {}
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert left == ["a", "a/mine.txt", "mine.nii", RECORD]


@pytest.mark.parametrize("file", ["../mine.nii", "/mine.nii"])
def test_nothing_beyond_the_folder_is_removed(tmp_path, file):
    (tmp_path / "mine.nii").touch()
    (tmp_path / "out").mkdir()
    Ledger(tmp_path / "out", [finished("a", "1", files=(file,))])
    with pytest.raises(CorruptFileError, match="not a readable record"):
        Ledger.emptied(tmp_path / "out")
    assert (tmp_path / "mine.nii").exists()


@pytest.mark.parametrize(
    "other",
    [
        Scan.from_array(SCAN.stored() + 1, np.eye(4)),
        Scan.from_array(SCAN.stored(), np.diag([2, 1, 1, 1])),
        Scan.from_array(SCAN.stored().reshape(1, 1, 4, 3, 2), np.eye(4)),
        Scan.from_array(SCAN.stored()),
        replace(SCAN, geometry=SliceStack(np.eye(4)[:, :3], np.ones((4, 3)), np.ones((4, 3)))),
        replace(SCAN, intensity=Intensity.linear(2, 0)),
        replace(SCAN, frame_ms=(3.0,)),
    ],
)
def test_digests(other):
    assert content_digest({"image": SCAN}) == content_digest({"image": replace(SCAN, problems=("one",))})
    assert content_digest({"image": SCAN}) != content_digest({"image": other})
    assert content_digest({"image": SCAN}) != content_digest({"other": SCAN})
