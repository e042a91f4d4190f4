"""Networks of other projects whose weights stay in their own folder: a model that uses one keeps their digest alone.

Such a network is frozen. Its tensors are in no state dict; the digest of its files is, so that a model is never used
with other weights than it was trained with.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from vesalius.errors import InputError
from vesalius.files import sha256


class Outside(nn.Module):
    """A frozen network of another project.

    Args:
        net: the network; it is set to eval mode.
        files: its weights.

    Raises:
        InputError: there are no such files.
    """

    digest: Tensor

    def __init__(self, net: nn.Module, files: Sequence[Path]) -> None:
        super().__init__()
        if not files:
            raise InputError("there are no weights", fix="name a folder with safetensors files")
        self._kept = (net.eval().requires_grad_(False),)  # in a tuple: no part of the state dict
        self._folder, self._digest = files[0].parent, bytes.fromhex(sha256(*files))
        self.register_buffer("digest", torch.tensor(list(self._digest), dtype=torch.uint8))

    def net(self) -> nn.Module:
        """The network, on the device of this module.

        Raises:
            InputError: its weights are not those that the model was trained with.
        """
        if bytes(self.digest.tolist()) != self._digest:
            what = "holds other weights than those that the model was trained with"
            raise InputError(what, where=self._folder, fix="get the version that its card names")
        return self._kept[0].to(self.digest.device)


def weights_in(folder: str | Path, needed: str = "config.json") -> list[Path]:
    """Return the safetensors files of a folder, sorted.

    Args:
        folder: of one network.
        needed: a file that it must hold.

    Raises:
        InputError: it is no such folder.
    """
    path = Path(folder)
    fix = f"name a folder on this machine that holds {needed} and safetensors files"
    if not path.is_dir():
        raise InputError("is not a folder", where=folder, fix=fix)
    if not (path / needed).is_file():
        raise InputError(f"holds no {needed}", where=folder, fix=fix)
    files = sorted(path.glob("*.safetensors"))
    if not files:
        raise InputError("holds no safetensors files", where=folder, fix=fix)
    return files
