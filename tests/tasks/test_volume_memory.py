"""`data.memory_mib` and `data.cache` of the jobs on volumes: crops and patches come from volumes that are kept."""

import tracemalloc

import numpy as np
import pytest

import vesalius.cohort.loader as loader
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.segment.config import SegmentConfig
from vesalius.tasks.segment.job import SegmentJob
from vesalius.tasks.voco.config import VocoConfig
from vesalius.tasks.voco.job import VocoJob

SIZE, COUNT, MIB = (64, 64, 32), 12, 1 << 20
SPLITS = ["train"] * COUNT + ["val"]
PREPARE = {"layout": "CIJK", "values": [{"name": "zscore"}]}
OF_TASK = {
    "voco": {
        "net": {"name": "unet-encoder", "channels": [4, 8], "units": 1},
        "method": {"name": "voco", "geometry": {"grid": [2, 2, 1], "crop": [32, 32, 32]}, "hidden": 8, "outputs": 4},
    },
    "segment": {
        "net": {"name": "unet", "dims": 3, "inputs": 1, "outputs": 2, "channels": [4, 8], "units": 1},
        "patch": [32, 32, 32],
    },
}
TIGHT_MIB = {"voco": 8, "segment": 14}
"""Enough to prepare a case and to keep some of the 6 MiB of images (7.5 MiB with masks), but not all."""


def write_case(root, number, seed):
    draw = np.random.default_rng(seed)
    image = draw.integers(0, 1000, SIZE).astype(np.int16)
    image[20:40, 20:40, 10:20] += 1000
    write_nifti(root / f"{number}.nii.gz", image[None], np.eye(4))
    write_nifti(root / f"{number}_seg.nii.gz", (image > 1000).astype(np.uint8)[None], np.eye(4))


@pytest.fixture
def manifest(tmp_path):
    cases = []
    for number, split in enumerate(SPLITS):
        write_case(tmp_path, number, number)
        files = {"images": {"image": f"{number}.nii.gz"}, "masks": {"mask": f"{number}_seg.nii.gz"}}
        cases.append(Case(id=f"{number}", patient=f"{number}", split=split, **files))
    return write_manifest(Cohort(tuple(cases), tmp_path), tmp_path / "m.jsonl")


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that were decoded."""
    names = []
    for name in ("open_image", "open_mask"):
        original = getattr(loader, name)

        def counted(cohort, case, key, original=original):
            names.append(f"{key} of {case.id}")
            return original(cohort, case, key)

        monkeypatch.setattr(loader, name, counted)
    return names


def task_of(name, manifest, **data):
    labels = {"labels": {"bright": [1]}} if name == "segment" else {}
    keys = {"task": name, "data": {"manifest": str(manifest), "workers": 0, **labels, **data}, "prepare": PREPARE}
    keys |= {"batch": 2, **OF_TASK[name]}
    return (VocoJob(VocoConfig.parse(keys)) if name == "voco" else SegmentJob(SegmentConfig.parse(keys))).task()


def epoch(task, number):
    """What distinguishes the crops of the batches of an epoch."""
    return [
        (batch["first"] if "first" in batch else batch["image"]).numpy().copy()
        for batch in task.batches(number, 0, 0, 1)
    ]


@pytest.mark.parametrize("name", OF_TASK)
def test_a_later_epoch_decodes_nothing(name, manifest, opened):
    """And its crops are others."""
    task = task_of(name, manifest)
    first = epoch(task, 0)
    assert len(opened) == COUNT * (2 if name == "segment" else 1)
    opened.clear()
    second = epoch(task, 1)
    assert opened == []
    assert len(first) == len(second) == COUNT // 2
    assert not any(np.array_equal(a, b) for a in first for b in second)


@pytest.mark.parametrize("name", OF_TASK)
def test_memory_stays_within_the_budget(name, manifest, opened):
    """The volumes for which there is no room are decoded again; batches do not count."""
    task = task_of(name, manifest, memory_mib=TIGHT_MIB[name])
    tracemalloc.start()
    try:
        for number in range(3):
            opened.clear()
            for _ in task.batches(number, 0, 0, 1):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    batches = 2 * 2 * 5 * np.prod(SIZE)  # two at a time, of two volumes in float32 with a label map of bytes
    assert peak <= TIGHT_MIB[name] * MIB + batches
    again = {word.rpartition(" ")[2] for word in opened}
    assert 1 <= len(again) <= COUNT - 2


@pytest.mark.parametrize("name", OF_TASK)
def test_the_cache_on_disk_goes_by_content(name, manifest, opened, tmp_path):
    """A later run with a tight memory decodes nothing, but for a file that has changed."""
    data = {"memory_mib": TIGHT_MIB[name], "cache": str(tmp_path / "cache")}
    first = epoch(task_of(name, manifest, **data), 0)
    opened.clear()
    later = task_of(name, manifest, **data)
    assert all(np.array_equal(a, b) for a, b in zip(first, epoch(later, 0), strict=True))
    assert opened == []
    write_case(tmp_path, 3, seed=99)
    epoch(task_of(name, manifest, **data), 1)
    assert {word.rpartition(" ")[2] for word in opened} == {"3"}
