import numpy as np
import torch

from tasks.finetune.small import make_pictures, make_volumes, of_pictures, of_volumes
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.job import FinetuneJob
from vesalius.transforms.contract import read_contract
from vesalius.weights.saved import from_pretrained


def test_batches_of_all_ranks_are_those_of_one_process(tmp_path):
    task = FinetuneJob(FinetuneConfig.parse(of_volumes(make_volumes(tmp_path)))).task()
    whole = list(task.batches(1, 1, 0, 1))
    shares = [list(task.batches(1, 1, rank, 2)) for rank in range(2)]
    assert len(whole) == task.batches_per_epoch() - 1 == len(shares[0])
    for number, batch in enumerate(whole):
        for key in ("image", "labels", "places"):
            both = torch.stack([shares[0][number][key], shares[1][number][key]], 1).flatten(0, 1)
            torch.testing.assert_close(batch[key], both, equal_nan=True, rtol=0, atol=0)


def test_labels_are_those_of_the_slice_that_is_shown(tmp_path):
    task = FinetuneJob(FinetuneConfig.parse(of_volumes(make_volumes(tmp_path)))).task()
    batch = next(task.batches(0, 0, 0, 1))
    image, labels = batch["image"].numpy(), batch["labels"].numpy()
    assert image.shape == (16, 1, 32, 32)
    assert batch["places"].shape == (16, 4, 3)
    bright, dark = ((image > 2).sum((1, 2, 3)) > 20, (image < -2).sum((1, 2, 3)) > 20)
    np.testing.assert_array_equal(labels, np.stack([bright | dark, bright, dark], 1))


def test_pictures_have_the_labels_of_their_cases(tmp_path):
    task = FinetuneJob(FinetuneConfig.parse(of_pictures(make_pictures(tmp_path)))).task()
    assert task.classes == ("left", "never")
    batch = next(task.batches(0, 0, 0, 1))
    known = ~batch["labels"][:, 0].isnan().numpy()
    bright = batch["image"].numpy()[:, 0, :, :16].mean((1, 2)) > 1
    np.testing.assert_array_equal(bright[known], batch["labels"][known, 0].numpy() == 1)
    assert "places" not in batch


def test_the_exported_encoder_and_head_are_the_trained_ones(tmp_path):
    make_pictures(tmp_path / "data")
    task = FinetuneJob(FinetuneConfig.parse(of_pictures(tmp_path / "data" / "m.jsonl", numbers="bf16"))).task()
    task.modules = task.build()
    net = task.modules["net"].eval()
    task.export(tmp_path)
    encoder, head = (from_pretrained(tmp_path, "finetune").parts[name] for name in ("encoder", "head"))
    assert read_contract(tmp_path).classes == ("left", "never")
    for mine, saved in ((net.encoder, encoder.net), (net.head, head.net)):
        for key, value in mine.state_dict().items():
            assert torch.equal(saved.state_dict()[key], value.bfloat16().float())
    assert (tmp_path / "encoder.safetensors").stat().st_size < 2.2 * sum(p.numel() for p in net.encoder.parameters())
