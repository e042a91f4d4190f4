import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from dicom_making import TEST_FILES
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.shard import shard
from vesalius.errors import InputError, OutputError


@pytest.fixture
def cohort(tmp_path):
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "CT_small.dcm").write_bytes((TEST_FILES / "CT_small.dcm").read_bytes())
    for n in range(6):
        Image.fromarray(np.random.default_rng(n).integers(0, 255, (400, 500)).astype(np.uint8)).save(
            tmp_path / f"{n}.png"
        )
    (tmp_path / "v.nii.gz").write_bytes(b"volume")
    np.savez(tmp_path / "a.npz", x=np.arange(24).reshape(2, 3, 4))
    cases = [Case(id=f"c.{n}", images={"image": f"{n}.png"}, split="train", labels={"any": n % 2}) for n in range(6)]
    cases += [
        Case(
            id="c-0",
            images={"t1": "v.nii.gz", "flair": "series"},
            masks={"mask": "a.npz#x/1"},
            split="test",
            caption="é",
        ),
        Case(id="loose", images={"image": "0.png"}),
    ]
    return Cohort(tuple(cases), tmp_path)


def content(paths):
    """Member -> bytes of all shards, and the order of keys."""
    found = {}
    for path in paths:
        with tarfile.open(path) as tar:
            for member in tar:
                assert member.name not in found
                found[member.name] = tar.extractfile(member).read()
    return found


def test_every_file_is_there_beside_what_is_known(cohort, tmp_path):
    paths = shard(cohort, tmp_path / "out", shard_mib=0.3)
    assert sorted(path.name for path in paths) == [
        "all-000000.tar",
        "test-000000.tar",
        "train-000000.tar",
        "train-000001.tar",
        "train-000002.tar",
    ]
    found = content(paths)
    for n in range(6):
        key = f"c-{n}"
        assert found[f"{key}.image.png"] == (tmp_path / f"{n}.png").read_bytes()
        told = json.loads(found[f"{key}.json"])
        assert told == {"id": f"c.{n}", "labels": {"any": n % 2}, "split": "train", "files": {"image": "image.png"}}
    told = json.loads(found["c-0-2.json"])  # the id "c-0" is the key of "c.0" already
    assert told["files"] == {
        "image-t1": "image-t1.nii.gz",
        "image-flair": ["image-flair.00000.dcm"],
        "mask": "mask.npy",
    }
    assert told["caption"] == "é"
    assert found["c-0-2.image-flair.00000.dcm"] == (TEST_FILES / "CT_small.dcm").read_bytes()
    np.testing.assert_array_equal(np.load(io.BytesIO(found["c-0-2.mask.npy"])), np.arange(12, 24).reshape(3, 4))
    assert not list(tmp_path.glob(".*part*"))


def test_members_of_a_key_stand_together_and_bytes_repeat(cohort, tmp_path):
    one, other = (shard(cohort, tmp_path / name, seed=3) for name in ("one", "other"))
    for a, b in zip(one, other, strict=True):
        assert a.read_bytes() == b.read_bytes()
        with tarfile.open(a) as tar:
            keys = [name.split(".")[0] for name in tar.getnames()]
        assert len([n for n in range(1, len(keys)) if keys[n] != keys[n - 1]]) + 1 == len(set(keys))
    assert one[0].read_bytes() != shard(cohort, tmp_path / "third", seed=4)[0].read_bytes()


def test_nothing_is_half_written(cohort, tmp_path):
    (tmp_path / "3.png").unlink()
    with pytest.raises(InputError, match=r"3\.png: cannot be read"):
        shard(cohort, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*part*"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(OutputError, match="exists already"):
        shard(cohort, tmp_path / "full")
