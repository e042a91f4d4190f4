"""A frozen encoder of slices: vectors of class tokens, and patches that can be compared.

Letters: B slices, C channel, J rows, I columns, D width, L patches row by row, H W patches down and across.
"""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vesalius.errors import InputError, UsageError
from vesalius.nets.vit import Tokens
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.training.precision import Precision, resolved
from vesalius.transforms.contract import InputContract, read_contract
from vesalius.weights.saved import ENCODER, Pretrained, from_pretrained

BATCH = 16


class Encoder:
    """A model whose net gives a class token and patches.

    Args:
        model: net with its weights.
        contract: how its images are prepared.
        device: where it runs.
        precision: of the net; "auto" is bf16 where the hardware has it. Vectors are float32 in any case.

    Raises:
        InputError: the net is of another kind.
    """

    def __init__(
        self,
        model: Pretrained,
        contract: InputContract,
        device: str | torch.device = "cpu",
        precision: Precision = "fp32",
    ) -> None:
        self.model, self.part, self.contract = model, model.parts[ENCODER], contract
        if not isinstance(self.part.net, Tokens):
            raise InputError("gives no class token, so it cannot encode slices", where=model.folder)
        self.device = torch.device(device)
        self.precision = resolved(precision, self.device.type)
        self._net = _rounded(self.part.net.to(self.device).requires_grad_(False), self.precision)

    @classmethod
    def from_pretrained(
        cls, name: str | Path, device: str | torch.device = "cpu", precision: Precision = "fp32"
    ) -> Encoder:
        """Load the encoder of a model folder, a run folder or a name of the zoo.

        `vesalius weights import` makes a model folder of a public checkpoint; a trained model with a head has one, too.

        Raises:
            InputError: no such model, it has no encoder, or its net is of another kind.
            CorruptFileError: it is damaged.
        """
        model = from_pretrained(name, only=ENCODER)
        return cls(model, read_contract(model.folder), device, precision)

    def prepared_by(self, contract: InputContract) -> Encoder:
        """The same encoder with images that are prepared in another way, e.g. through other windows."""
        return Encoder(self.model, contract, self.device, self.precision)

    @property
    def width(self) -> int:
        """D."""
        width: int = self._net.vit.embed_dim  # type: ignore[assignment, union-attr]
        return width

    def digest(self) -> str:
        """64 hexadecimal digits for weights, sizes and precision: all that decides about vectors besides the input."""
        sizes = self.part.config.model_dump_json(exclude_defaults=True)  # a field that comes later changes nothing
        facts = (self.part.digest, sizes, self.precision, "class token")
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()

    @torch.no_grad()
    def tokens(self, x_BCJI: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """(class_BD, patches_BLD) of prepared slices, float32, on the device.

        Raises:
            UsageError: the net takes other channels or sizes.
        """
        net = self.part.config
        inputs, side = net.inputs, net.divisor
        if x_BCJI.shape[1] != inputs or x_BCJI.shape[2] % side or x_BCJI.shape[3] % side:
            given = f"{x_BCJI.shape[1]} channels of {x_BCJI.shape[2]} x {x_BCJI.shape[3]} pixels"
            raise UsageError(f"{given}; the encoder takes {inputs} channels and multiples of {side} pixels")
        x = torch.from_numpy(x_BCJI).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            class_BD, patches_BLD = self._net(x)
        return class_BD.float(), patches_BLD.float()

    def embed(self, slices: Slices, numbers: NDArray[np.int64], batch: int = BATCH) -> NDArray[np.float32]:
        """Class tokens of some slices, shape (B, D).

        Raises:
            UsageError: there is no slice, a step of the preparation does not fit, or the vectors are not finite.
        """
        if not len(numbers):
            raise UsageError("there is no slice", fix="leave the scan out")
        parts = [self.tokens(x_BCJI)[0].cpu().numpy() for x_BCJI in slices.batches(numbers, batch)]
        vectors: NDArray[np.float32] = np.concatenate(parts)
        if not np.isfinite(vectors).all():
            raise UsageError("the encoder gives vectors that are not finite", fix="pass fp32, or check the weights")
        return vectors

    def patches(self, slices: Slices, number: int) -> NDArray[np.float32]:
        """Patches of one slice on their grid, shape (H, W, D)."""
        x_BCJI = slices.prepared([number])
        patches_LD = self.tokens(x_BCJI)[1][0].cpu().numpy()
        side = self.part.config.divisor
        grid: NDArray[np.float32] = patches_LD.reshape(x_BCJI.shape[2] // side, x_BCJI.shape[3] // side, -1)
        return grid


def _rounded(net: nn.Module, precision: str) -> nn.Module:
    """The net for a precision: weights that autocast would round for each batch anew are rounded once, in a copy."""
    if precision != "bf16":
        return net
    net = copy.deepcopy(net)
    for module in net.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.to(torch.bfloat16)
    return net


def similarity(patches_HWD: NDArray[np.float32], at: tuple[int, int] | None = None) -> NDArray[np.float32]:
    """Cosine of each patch with one of them, shape (H, W); None takes the one in the middle.

    Raises:
        UsageError: no such patch.
    """
    rows, columns = patches_HWD.shape[:2]
    row, column = (rows // 2, columns // 2) if at is None else at
    if not (0 <= row < rows and 0 <= column < columns):
        raise UsageError(
            f"no patch {row},{column}", where="--patch", fix=f"choose from 0,0 to {rows - 1},{columns - 1}"
        )
    lengths = np.linalg.norm(patches_HWD, axis=-1, keepdims=True)
    unit_HWD = patches_HWD / np.maximum(lengths, np.finfo(np.float32).tiny)
    return (unit_HWD @ unit_HWD[row, column]).astype(np.float32)


def facts_digest(encoder: Encoder, choice: SliceConfig) -> str:
    """64 hexadecimal digits for the preparation and the choice of slices."""
    return hashlib.sha256(f"{encoder.contract.prepare.digest()} {choice.digest()}".encode()).hexdigest()
