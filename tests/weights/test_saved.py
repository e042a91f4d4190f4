import errno
import hashlib
import json
import resource
import shutil
import struct

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from vesalius.errors import CorruptFileError, InputError, OutputError, UsageError
from vesalius.nets.head import Head
from vesalius.nets.unet import UNet
from vesalius.nets.vit import ViT
from vesalius.tasks.weights.importing import import_weights
from vesalius.weights import saved
from vesalius.weights.saved import CONFIG, ModelConfig, digest_of, from_pretrained, save_pretrained

WEIGHTS = "net.safetensors"
NET = UNet(dims=2, inputs=1, outputs=2, channels=(8, 16), units=1)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(1)
    save_pretrained(tmp_path, {"net": NET.make()}, ModelConfig.of("segment", {"net": NET}, {"patch": [8, 8, 1]}))
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
    save_pretrained(folder, {"net": NET.make()}, ModelConfig.of("segment", {"net": NET}))
    assert digest_of(folder) != before


def test_half_of_the_numbers_round_the_weights(folder):
    whole = (folder / WEIGHTS).stat().st_size
    torch.manual_seed(1)
    net = NET.make()
    save_pretrained(folder, {"net": net}, ModelConfig.of("segment", {"net": NET}), torch.bfloat16)
    assert (folder / WEIGHTS).stat().st_size < 0.6 * whole
    for key, value in from_pretrained(folder).net.state_dict().items():
        assert value.dtype == net.state_dict()[key].dtype
        if value.is_floating_point():
            assert torch.equal(value, net.state_dict()[key].bfloat16().float())


def test_parts_are_loaded_by_name_and_all_count_for_the_digest(tmp_path):
    torch.manual_seed(3)
    encoder, head = ViT(size="micro", depth=1), Head(inputs=128, outputs=2, hidden=0)
    modules, config = {"encoder": encoder.make(), "head": head.make()}, {"encoder": encoder, "head": head}
    save_pretrained(tmp_path, modules, ModelConfig.of("finetune", config))
    loaded = from_pretrained(tmp_path)
    assert {name: part.config for name, part in loaded.parts.items()} == config
    for name, module in modules.items():
        for key, value in module.state_dict().items():
            assert torch.equal(loaded.parts[name].net.state_dict()[key], value)
    files = [(tmp_path / f"{name}.safetensors").read_bytes() for name in ("encoder", "head")]
    assert loaded.digest == hashlib.sha256(b"".join(files)).hexdigest()
    assert loaded.parts["head"].digest == hashlib.sha256(files[1]).hexdigest()
    assert list(from_pretrained(tmp_path, only="head").parts) == ["head"]
    with pytest.raises(InputError, match="has no part called net, only encoder, head"):
        from_pretrained(tmp_path, only="net")
    with pytest.raises(UsageError, match="has several parts"):
        loaded.net  # noqa: B018


def test_a_loaded_part_is_saved_as_its_file_is(folder, tmp_path):
    (tmp_path / "copy").mkdir()
    save_pretrained(folder, {"net": NET.make()}, ModelConfig.of("segment", {"net": NET}), torch.bfloat16)
    part = from_pretrained(folder).parts["net"]
    save_pretrained(tmp_path / "copy", {"net": part}, ModelConfig.of("segment", {"net": NET}))
    assert (tmp_path / "copy" / WEIGHTS).read_bytes() == (folder / WEIGHTS).read_bytes()


def test_a_folder_of_the_old_form_says_how_to_convert_it(tmp_path):
    """The way that the message names works: the weights come over by an import."""
    torch.manual_seed(4)
    net = NET.make()
    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, tmp_path / "model.safetensors")
    (tmp_path / CONFIG).write_text(json.dumps({"task": "segment", "net": NET.model_dump(mode="json")}))
    with pytest.raises(InputError, match=r"old form, without named parts; train it again, or run `vesalius weights im"):
        from_pretrained(tmp_path)
    sizes = ("name=unet", "dims=2", "inputs=1", "outputs=2", "channels=[8,16]", "units=1")
    import_weights(tmp_path / "model.safetensors", "vesalius", tmp_path / "new", sizes)
    for key, value in from_pretrained(tmp_path / "new").net.state_dict().items():
        assert torch.equal(value, net.state_dict()[key])


def test_for_another_job(folder):
    with pytest.raises(InputError, match="is a model for segment, not for detect"):
        from_pretrained(folder, "detect")


def test_damaged_weights(folder):
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptFileError, match="not a readable weights file"):
        from_pretrained(folder)
    (folder / WEIGHTS).unlink()
    with pytest.raises(CorruptFileError, match=r"net.safetensors: is missing from the model folder"):
        from_pretrained(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"parts": {"net": {"net": {"name": "unet", "dims": 2, "inputs": 1, "outputs": 3}}}},
            "does not hold the tensors",
        ),
        ({"parts": {"net": {"net": {"name": "hypernet"}}}}, "no such network"),
        ({"parts": {"../net": {"net": {"name": "unet"}}}}, "cannot be used"),
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
    with pytest.raises(InputError, match="is not a readable model configuration"):
        from_pretrained(folder)


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(tensors, path, header):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(saved, "save_file", full)
    with pytest.raises(OutputError, match="cannot be written"):
        save_pretrained(tmp_path, {"net": NET.make()}, ModelConfig.of("segment", {"net": NET}))


def test_others_may_read_what_they_may_read_otherwise(folder):
    assert (folder / WEIGHTS).stat().st_mode == (folder / CONFIG).stat().st_mode


def test_a_configuration_that_asks_for_more_than_the_weights_hold(folder):
    told = json.loads((folder / CONFIG).read_text())
    told["parts"]["net"]["net"]["channels"] = [2048, 4096, 4096]
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


def test_a_frozen_part_is_one_file_of_many_folders_and_each_folder_is_whole(folder, tmp_path, monkeypatch):
    part, config = from_pretrained(folder).parts["net"], ModelConfig.of("segment", {"net": NET})
    runs = [tmp_path / name for name in ("first", "second", "on-another-disk")]
    for run in runs[:2]:
        run.mkdir()
        save_pretrained(run, {"net": part}, config)
    assert all((run / WEIGHTS).samefile(folder / WEIGHTS) for run in runs[:2])

    def no_link(source, target):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(saved.os, "link", no_link)
    runs[2].mkdir()
    save_pretrained(runs[2], {"net": part}, config)
    assert not (runs[2] / WEIGHTS).samefile(folder / WEIGHTS)
    shutil.move(runs[0], tmp_path / "elsewhere")
    save_pretrained(runs[1], {"net": NET.make()}, config)  # other weights in a folder that shares the file
    assert digest_of(folder) == digest_of(tmp_path / "elsewhere") == digest_of(runs[2]) == part.digest
    assert digest_of(runs[1]) != part.digest
