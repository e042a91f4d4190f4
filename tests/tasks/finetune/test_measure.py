import numpy as np
import torch

from tasks.finetune.small import make_volumes, of_volumes, volume
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.infer import held_out, trained
from vesalius.tasks.finetune.job import FinetuneJob


def test_every_slice_with_its_labels(tmp_path):
    job = FinetuneJob(FinetuneConfig.parse(of_volumes(make_volumes(tmp_path))))
    torch.manual_seed(0)
    net = job.task().build()["net"].eval()
    found = held_out(net, job.parts()["val"], job.config, job.classes)
    assert found.ids[:7] == ("v8",) * 6 + ("v9",)
    assert found.owners[0] == ("p8", True)
    assert found.slices[:8] == (0, 1, 2, 3, 4, 5, 0, 1)
    image, labels = volume(9)
    want = [[float((labels[..., k] == value).any()) for value in (2, 3)] for k in range(6)]
    np.testing.assert_array_equal(found.labels_UN[6:12, 1:], want)
    with torch.no_grad():
        logits = net(torch.from_numpy(image.transpose(2, 1, 0)[:, None].copy()))[0]
    np.testing.assert_allclose(found.logits_UN[6:12], logits.numpy(), atol=1e-4)


def test_what_was_written_is_read_again(tmp_path):
    job = FinetuneJob(FinetuneConfig.parse(of_volumes(make_volumes(tmp_path / "data"))))
    task = job.task()
    task.modules = task.build()
    task.export(tmp_path)
    net = trained(tmp_path, job.config, "cpu")
    x = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        for mine, read in zip(task.modules["net"].eval()(x), net(x), strict=True):
            assert torch.equal(mine, read)
