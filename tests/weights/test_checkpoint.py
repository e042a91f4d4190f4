import hashlib
import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vesalius.errors import InputError
from vesalius.weights.checkpoint import read_checkpoint

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2])}


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def same(tensors):
    return tensors.keys() == TENSORS.keys() and all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt", "x.pth", "x.bin", "x.ckpt", "x.npz"])
def test_every_kind_of_file(tmp_path, name):
    path = tmp_path / name
    if path.suffix == ".safetensors":
        save_file(TENSORS, path)
    elif path.suffix == ".npz":
        np.savez(path, **{key: value.numpy() for key, value in TENSORS.items()})
    else:
        torch.save(TENSORS, path)
    read = read_checkpoint(path)
    assert same(read.tensors)
    assert read.files == ((path, hashlib.sha256(path.read_bytes()).hexdigest()),)


def test_tables_in_tables(tmp_path):
    torch.save({"state_dict": TENSORS, "epoch": 3, "args": {"lr": 0.1}}, tmp_path / "x.pt")
    read = read_checkpoint(tmp_path / "x.pt").tensors
    assert same(read["state_dict"])
    assert read["epoch"] == 3


def test_a_pickle_that_would_run_something_is_refused(tmp_path):
    trap = tmp_path / "trap"
    torch.save({"state_dict": TENSORS, "x": Harmful(trap)}, tmp_path / "x.pt")
    with pytest.raises(InputError, match=r"cannot be read without running what is in it \(\S*open\)"):
        read_checkpoint(tmp_path / "x.pt")
    assert not trap.exists()


def test_a_bare_pickle_is_refused(tmp_path):
    trap = tmp_path / "trap"
    (tmp_path / "x.pth").write_bytes(pickle.dumps({"x": Harmful(trap)}))
    with pytest.raises(InputError, match=r"x\.pth: "):
        read_checkpoint(tmp_path / "x.pth")
    assert not trap.exists()


def test_arrays_of_objects_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="plain arrays"):
        read_checkpoint(tmp_path / "x.npz")


def test_folders_of_the_hub(tmp_path):
    torch.save(TENSORS, tmp_path / "pytorch_model.bin")
    assert read_checkpoint(tmp_path).files[0][0].name == "pytorch_model.bin"
    save_file(TENSORS, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    assert read_checkpoint(tmp_path).files[0][0].name == "model.safetensors"


def shards(folder, names=("model-1.safetensors", "model-2.safetensors")):
    for name, key in zip(names, TENSORS, strict=True):
        save_file({key: TENSORS[key]}, folder / name)
    index = {"weight_map": dict(zip(TENSORS, names, strict=True))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_shards(tmp_path):
    shards(tmp_path)
    read = read_checkpoint(tmp_path)
    assert same(read.tensors)
    assert len(read.files) == 2
    (tmp_path / "model-2.safetensors").unlink()
    with pytest.raises(InputError, match=r"names the shard model-2.safetensors, which is not beside it"):
        read_checkpoint(tmp_path)


def test_shards_lie_beside_their_index(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    save_file(TENSORS, tmp_path / "out.safetensors")
    (inside / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"b": "../out.safetensors"}}))
    with pytest.raises(InputError, match="not beside it"):
        read_checkpoint(inside)


def test_one_tensor_in_two_shards(tmp_path):
    shards(tmp_path)
    save_file(TENSORS, tmp_path / "model-2.safetensors")
    with pytest.raises(InputError, match=r"holds a.weight, as another shard does"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("index", ["[]", "{}", '{"weight_map": 3}', "no json"])
def test_a_damaged_index(tmp_path, index):
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(InputError, match="no readable index"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt", "x.npz"])
def test_damaged_files(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x00\x01 nothing of the kind")
    with pytest.raises(InputError, match="is no readable"):
        read_checkpoint(tmp_path / name)


def test_what_is_there_but_no_checkpoint(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_checkpoint(tmp_path / "none.pt")
    with pytest.raises(InputError, match="holds no weights"):
        read_checkpoint(tmp_path)
    (tmp_path / "x.h5").write_bytes(b"x")
    with pytest.raises(InputError, match="of an unknown kind"):
        read_checkpoint(tmp_path / "x.h5")
    torch.save(torch.zeros(3), tmp_path / "one.pt")
    with pytest.raises(InputError, match="holds no table of tensors"):
        read_checkpoint(tmp_path / "one.pt")
    torch.save({}, tmp_path / "two.pt")
    with pytest.raises(InputError, match="holds no tensor"):
        read_checkpoint(tmp_path / "two.pt")
    with pytest.raises(InputError, match="holds 2 files of weights"):
        read_checkpoint(tmp_path)
