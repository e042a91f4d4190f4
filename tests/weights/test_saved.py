import json
import resource
import struct

import pytest
import torch
from safetensors import SafetensorError

from vesalius.errors import CorruptFileError, InputError, OutputError
from vesalius.nets.unet import UNet
from vesalius.weights import saved
from vesalius.weights.saved import CONFIG, WEIGHTS, ModelConfig, digest_of, from_pretrained, save_pretrained

NET = UNet(dims=2, inputs=1, outputs=2, channels=(8, 16), units=1)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(1)
    save_pretrained(tmp_path, NET.make(), ModelConfig(task="segment", net=NET, settings={"patch": [8, 8, 1]}))
    return tmp_path


def test_loaded_as_saved(folder):
    torch.manual_seed(1)
    model, there = NET.make(), from_pretrained(folder, "segment")
    for key, value in model.state_dict().items():
        assert torch.equal(there.net.state_dict()[key], value)
    assert there.config.settings == {"patch": [8, 8, 1]}
    assert not there.net.training
    assert there.digest == digest_of(folder)


def test_another_weight_another_digest(folder):
    before = digest_of(folder)
    torch.manual_seed(2)
    save_pretrained(folder, NET.make(), ModelConfig(task="segment", net=NET))
    assert digest_of(folder) != before


def test_half_of_the_numbers_round_the_weights(folder):
    whole = (folder / WEIGHTS).stat().st_size
    torch.manual_seed(1)
    net = NET.make()
    save_pretrained(folder, net, ModelConfig(task="segment", net=NET), torch.bfloat16)
    assert (folder / WEIGHTS).stat().st_size < 0.6 * whole
    for key, value in from_pretrained(folder).net.state_dict().items():
        assert value.dtype == net.state_dict()[key].dtype
        if value.is_floating_point():
            assert torch.equal(value, net.state_dict()[key].bfloat16().float())


def test_for_another_job(folder):
    with pytest.raises(InputError, match="is a model for segment, not for detect"):
        from_pretrained(folder, "detect")


def test_damaged_weights(folder):
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptFileError, match="no readable weights"):
        from_pretrained(folder)
    (folder / WEIGHTS).unlink()
    with pytest.raises(CorruptFileError, match="no readable weights"):
        from_pretrained(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"net": {"name": "unet", "dims": 2, "inputs": 1, "outputs": 3}}, "does not hold the tensors"),
        ({"net": {"name": "hypernet"}}, "no such network"),
        ({"colour": "red"}, "no such key"),
    ],
)
def test_a_changed_configuration(folder, change, told):
    raw = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(raw | change))
    with pytest.raises((InputError, CorruptFileError), match=told):
        from_pretrained(folder)


def test_no_json(folder):
    (folder / CONFIG).write_text("[]")
    with pytest.raises(InputError, match="no readable model configuration"):
        from_pretrained(folder)


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(tensors, path, header):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(saved, "save_file", full)
    with pytest.raises(OutputError, match="cannot be written"):
        save_pretrained(tmp_path, NET.make(), ModelConfig(task="segment", net=NET))


def test_others_may_read_what_they_may_read_otherwise(folder):
    assert (folder / WEIGHTS).stat().st_mode == (folder / CONFIG).stat().st_mode


def test_a_configuration_that_asks_for_more_than_the_weights_hold(folder):
    told = json.loads((folder / CONFIG).read_text())
    told["net"]["channels"] = [2048, 4096, 4096]
    (folder / CONFIG).write_text(json.dumps(told))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CorruptFileError, match="larger than its weights"):
        from_pretrained(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10  # KiB; the net would be 1.4 GB


def test_weights_that_do_not_fit_into_memory(folder, memory_limit):
    head = json.dumps({"w": {"dtype": "F32", "shape": [1 << 30], "data_offsets": [0, 1 << 32]}}).encode()
    with (folder / WEIGHTS).open("wb") as file:  # sparse: it takes no room on disk
        file.write(struct.pack("<Q", len(head)) + head)
        file.truncate(8 + len(head) + (1 << 32))
    memory_limit(1 << 30)
    with pytest.raises(InputError, match=r"needs 8.1 GiB of memory, 1.0 GiB are allowed"):
        from_pretrained(folder)


@pytest.mark.parametrize("text", ['{"a":' * 100_000, '{"task": "\\ud800"}', "9" * 5000, "\0"])
def test_a_configuration_that_no_model_has(folder, text):
    (folder / CONFIG).write_text(text)
    with pytest.raises(InputError) as caught:
        from_pretrained(folder)
    assert str(folder) in str(caught.value)
    assert len(str(caught.value)) <= 500
