import numpy as np
import pytest
import torch

from tasks.finetune.small import make_volumes, of_volumes, volume
from training.ranks import validated_by_two
from vesalius.cohort.loader import Loader
from vesalius.errors import InputError
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.job import FinetuneJob
from vesalius.tasks.finetune.measure import score


def test_every_slice_with_its_labels(tmp_path):
    job = FinetuneJob(FinetuneConfig.parse(of_volumes(make_volumes(tmp_path))))
    torch.manual_seed(0)
    net, data = job.task().build()["net"].eval(), job.config.data
    scored = score(net, job.config.net, data.held_out(job.parts()["val"], job.config.prepare, job.classes), data.slices)
    assert scored.ids[:7] == ("v8",) * 6 + ("v9",)
    assert scored.patients[0] == ("p8", True)
    assert scored.items[:8] == (0, 1, 2, 3, 4, 5, 0, 1)
    image, labels = volume(9)
    want = [[float((labels[..., k] == value).any()) for value in (2, 3)] for k in range(6)]
    np.testing.assert_array_equal(scored.labels_SC[6:12, 1:], want)
    with torch.no_grad():
        logits = net(torch.from_numpy(image.transpose(2, 1, 0)[:, None].copy()))[0]
    np.testing.assert_allclose(scored.logits_SC[6:12], logits.numpy(), atol=1e-4)


def test_nothing_that_can_be_read(tmp_path):
    job = FinetuneJob(FinetuneConfig.parse(of_volumes(make_volumes(tmp_path))))
    net, slices = job.task().build()["net"], job.config.data.slices
    for path in tmp_path.glob("v*.nii.gz"):
        path.write_bytes(b"")
    loader = Loader(
        job.parts()["val"], prepare=job.config.prepare, masks=(slices.mask,), order="cohort", on_error="skip"
    )
    with pytest.raises(InputError, match="no case can be read, case v8: "):
        score(net, job.config.net, loader, slices)


def test_two_processes_score_as_one(tmp_path):
    config = FinetuneConfig.parse(of_volumes(make_volumes(tmp_path)))
    task = FinetuneJob(config).task()
    task.modules = task.build()
    task.modules["net"].eval()
    with torch.no_grad():
        assert task.validate(0) == validated_by_two(task)
