import numpy as np
import pytest
import torch

from tasks.segment.small import blob, make_cohort, settings
from training.ranks import validated_by_two
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import InputError
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.segment.config import SegmentConfig
from vesalius.tasks.segment.task import SegmentTask
from vesalius.training.loop import Loop
from vesalius.transforms.contract import read_contract
from vesalius.weights.saved import from_pretrained


def make_task(manifest, **changes):
    config = SegmentConfig.parse(settings(manifest, **changes))
    return SegmentTask(config, config.data.splits(read_manifest(manifest), 0))


@pytest.mark.parametrize("volumes", [False, True])
def test_learns(tmp_path, volumes):
    changes = {"patch": [16, 16, 4], "net__dims": 3} if volumes else {}
    task = make_task(make_cohort(tmp_path / "data"), **changes)
    result = Loop(task, task.config.train, None, cpu=True).run()
    assert result.measures["dice"] > 0.8
    assert set(result.measures) == {"dice", "dice/bright", "dice/dark"}


def test_batches_of_all_ranks_are_those_of_one_process(tmp_path):
    task = make_task(make_cohort(tmp_path))
    whole = list(task.batches(1, 2, 0, 1))
    shares = [list(task.batches(1, 2, rank, 2)) for rank in range(2)]
    assert len(whole) == task.batches_per_epoch() - 2 == len(shares[0])
    for number, batch in enumerate(whole):
        for key in ("image", "classes", "missing"):
            both = torch.stack([shares[0][number][key], shares[1][number][key]], 1).flatten(0, 1)
            assert torch.equal(batch[key], both)


def test_patches_come_from_the_images(tmp_path):
    task = make_task(make_cohort(tmp_path), augment=[], prepare={"layout": "CIJK"}, about_labels=1.0)
    images = [blob(number)[0] for number in range(5)]
    batch = next(task.batches(0, 0, 0, 1))
    assert batch["image"].shape == (8, 1, 16, 16, 1)
    for patch, classes in zip(batch["image"].numpy(), batch["classes"].numpy(), strict=True):
        assert (classes > 0).any()
        assert any((np.isin(patch, image)).all() for image in images)


def test_a_class_that_a_map_does_not_hold(tmp_path):
    manifest = make_cohort(tmp_path)
    labels = blob(0)[1]
    write_nifti(tmp_path / "c0_seg.nii.gz", np.where(labels == 7, 0, labels)[None], np.diag([1, 1.5, 2, 1]), 0.0)
    task = make_task(manifest, data__absent="unknown")
    missing = torch.cat([batch["missing"] for batch in task.batches(0, 0, 0, 1)])
    assert missing[:, :2].sum() == 0
    assert missing[:, 2].float().mean() == pytest.approx(1 / 5, abs=0.01)
    there = make_task(manifest)
    assert not any(batch["missing"].any() for batch in there.batches(0, 0, 0, 1))


def test_a_value_that_no_class_names(tmp_path):
    task = make_task(make_cohort(tmp_path), data__labels={"bright": [4], "dark": [8]})
    with pytest.raises(InputError, match="a mask holds 7"):
        list(task.batches(0, 0, 0, 1))


def test_two_processes_validate_as_one(tmp_path):
    task = make_task(make_cohort(tmp_path, ("train", "train", "val", "val", "val")))
    task.modules = task.build()
    task.modules["net"].eval()
    with torch.no_grad():
        assert task.validate(0) == validated_by_two(task)


def test_export_can_be_loaded(tmp_path):
    task = make_task(make_cohort(tmp_path / "data"))
    task.modules = task.build()
    task.export(tmp_path)
    model = from_pretrained(tmp_path, "segment")
    x = torch.randn(2, 1, 16, 16)
    assert torch.equal(model.net(x), task.modules["net"].eval()(x))
    assert read_contract(tmp_path).classes == ("bright", "dark")
