"""A frozen encoder of slices: one vector for each slice, and one for each of its patches.

Letters: B slices, C channel, J rows, I columns, D width, L patches row by row, H W patches down and across.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vesalius.errors import InputError, UsageError
from vesalius.nets.encoder import EncoderNet, Pyramid, PyramidNet, check_pictures
from vesalius.nets.grad_cam import grad_cam
from vesalius.nets.rollout import attends, attention_rollout
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.options import Pool, Window
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.training.device import Precision, resolved
from vesalius.transforms.contract import InputContract, read_contract
from vesalius.transforms.prepare import Prepare, ct_slices
from vesalius.transforms.resize import Resize
from vesalius.weights.saved import ENCODER, Part, from_pretrained

BATCH = 16
_SIDE = 224


class Encoder:
    """An encoder of pictures with the preparation of its images.

    Args:
        part: net with its weights; any `EncoderNet` of two dimensions.
        contract: preparation of its images.
        device: where it runs.
        precision: of the net; "auto" is bf16 where the hardware has it. Vectors are always float32.

    Raises:
        InputError: the net is of another kind.
    """

    pool: Pool = "none"
    """What becomes of the rows of a case where nothing else is asked for."""

    def __init__(
        self,
        part: Part,
        contract: InputContract,
        device: str | torch.device = "cpu",
        precision: Precision = "fp32",
    ) -> None:
        if not isinstance(part.config, EncoderNet) or part.config.dims != 2:
            raise InputError("is not an encoder of pictures", where=part.path, fix="name a model with such an encoder")
        self.part, self.config, self.contract = part, part.config, contract
        self.device = torch.device(device)
        self.precision = resolved(precision, self.device.type)
        self._net = _rounded(part.net.to(self.device).requires_grad_(False), self.precision)

    @classmethod
    def from_pretrained(
        cls, name: str | Path, device: str | torch.device = "cpu", precision: Precision = "fp32"
    ) -> Encoder:
        """Load the encoder of any model that has one: a model folder, a run folder, or a name of the zoo.

        `vesalius weights import` makes a model folder of a public checkpoint.

        Raises:
            InputError: no such model, or it has no encoder of pictures.
            CorruptFileError: it is damaged.
        """
        model = from_pretrained(name, only=ENCODER)
        return cls(model.parts[ENCODER], read_contract(model.folder), device, precision)

    def prepared_by(self, contract: InputContract) -> Encoder:
        """Return the same encoder with another preparation of its images, e.g. through other windows."""
        return Encoder(self.part, contract, self.device, self.precision)

    def through(self, window: Window) -> Encoder:
        """Return the same encoder that sees CT slices through another window, at the size that it has now."""
        if window == "as-trained":
            return self
        return self.prepared_by(InputContract(prepare=ct_slices(window, _side(self.contract.prepare))))

    def at_side(self, side: int | None, where: str = "--resize") -> Encoder:
        """Return the same encoder that sees pictures resized to another square; None: as it is.

        Args:
            side: of the square, in pixels.
            where: what asks for it, for messages.

        Raises:
            UsageError: the net takes no such size, or its preparation does not end with a square that it resizes to.
        """
        if side is None:
            return self
        prepare = self.contract.prepare
        places = [place for place, step in enumerate(prepare.steps) if isinstance(step, Resize)]
        if not places or any(hasattr(step, "size") for step in prepare.steps[places[-1] + 1 :]):
            what = "the size of the pictures is not decided by a resize step of the model"
            raise UsageError(what, where=where, fix="leave it out")
        check_pictures(self.config, (self.config.inputs or 0, side, side), where)
        resize = prepare.steps[places[-1]].model_copy(update={"size": (side, side)})
        steps = (*prepare.steps[: places[-1]], resize, *prepare.steps[places[-1] + 1 :])
        return self.prepared_by(
            self.contract.model_copy(update={"prepare": prepare.model_copy(update={"steps": steps})})
        )

    @property
    def folder(self) -> Path:
        """The model folder."""
        return self.part.path.parent

    @property
    def width(self) -> int:
        """Numbers in a vector, D."""
        return self.config.width

    def digest(self) -> str:
        """64 hexadecimal digits for weights, sizes and precision: all that decides about vectors besides the input."""
        sizes = self.config.model_dump_json(exclude_defaults=True)  # a field that comes later changes nothing
        facts = (self.part.digest, sizes, self.precision, "class token")
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()

    @torch.no_grad()
    def tokens(self, x_BCJI: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """(whole_BD, patches_BLD) of prepared slices, float32, on the device.

        Raises:
            UsageError: the net takes other channels or sizes.
        """
        x = self._on_device(x_BCJI)
        with self._computing():
            whole_BD, patches_BLD = self._net(x)
        return whole_BD.float(), patches_BLD.float()

    def _computing(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def _on_device(self, x_BCJI: NDArray[np.float32]) -> Tensor:
        check_pictures(self.config, x_BCJI.shape)
        return torch.from_numpy(x_BCJI).to(self.device)

    def embed(self, slices: Slices, numbers: NDArray[np.int64], batch: int = BATCH) -> NDArray[np.float32]:
        """Vectors of some slices, shape (B, D).

        Raises:
            UsageError: there is no slice, a step of the preparation does not fit, or the vectors are not finite.
        """
        return _finite([self.tokens(x_BCJI)[0].cpu().numpy() for x_BCJI in slices.batches(numbers, batch)])

    def slices(self, scan: Scan) -> Slices:
        """Return the slices of a scan of one frame. Raises as `Slices.of` does."""
        return Slices.of(scan, self.contract.prepare)

    def rows(
        self, slices: Slices, choice: SliceConfig, batch: int = BATCH
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the vectors of the chosen slices, (B, D), and the numbers of these slices. Raises as `embed` does."""
        numbers = choice.chosen(slices)
        return self.embed(slices, numbers, batch), numbers

    def endpoint_widths(self) -> tuple[int, ...]:
        """Numbers in the pooled vector of each block group.

        Raises:
            UsageError: the net has no block groups.
        """
        if not isinstance(self.config, PyramidNet):
            what = "the encoder has no block groups"
            raise UsageError(what, where="--endpoints", fix="leave it out; a ResNet or BiT has them")
        return self.config.channels

    @torch.no_grad()
    def endpoints(
        self, slices: Slices, numbers: NDArray[np.int64], batch: int = BATCH
    ) -> tuple[NDArray[np.float32], ...]:
        """Means over the maps of block groups 1 to 4 of some slices, (B, channels) each; the last as `embed` gives it.

        Raises:
            UsageError: as `embed`, or the net has no block groups.
        """
        self.endpoint_widths()
        net = cast(Pyramid, self._net)
        batches = []
        for x_BCJI in slices.batches(numbers, batch):
            with self._computing():
                maps = net.maps(self._on_device(x_BCJI))
            batches.append([map_BCJI.float().mean((2, 3)).cpu().numpy() for map_BCJI in maps])
        groups = list(zip(*batches, strict=True)) or [()]
        return tuple(_finite(group) for group in groups)

    def patches(self, slices: Slices, number: int) -> NDArray[np.float32]:
        """Vectors of the patches of one slice on their grid, shape (H, W, D)."""
        x_BCJI = slices.prepared([number])
        return self._on_grid(self.tokens(x_BCJI)[1][0], x_BCJI)

    def check_attention(self) -> None:
        """Raise UsageError where the net shows no attention."""
        if not attends(self.part.net):
            what = "the encoder shows no attention, so there is no rollout"
            raise UsageError(what, where="--heat-map", fix="take logit")

    def check_pyramid(self) -> None:
        """Raise UsageError where the net has no maps."""
        if not isinstance(self.part.net, Pyramid):
            what = "the encoder is no ResNet or BiT, so there is no Grad-CAM"
            raise UsageError(what, where="--heat-map", fix="take logit")

    def grad_cam(self, slices: Slices, number: int, head: Callable[[Tensor], Tensor], n: int) -> NDArray[np.float32]:
        """Grad-CAM (H, W) of a slice for class `n` of a head: whole_BD to logits_BN; see `nets.grad_cam`.

        Raises:
            UsageError: the net has no maps.
        """
        self.check_pyramid()
        x = torch.from_numpy(slices.prepared([number])).to(self.device)
        map_HW: NDArray[np.float32] = grad_cam(self.part.net, head, x, n)[0].cpu().numpy()  # type: ignore[arg-type]
        return map_HW

    def rollout(self, slices: Slices, number: int) -> NDArray[np.float32]:
        """Attention rollout (H, W) of a slice: share of each patch in what reaches the class token, times 1000.

        Raises:
            UsageError: the net shows no attention.
        """
        self.check_attention()
        x_BCJI = slices.prepared([number])
        shares_BL = attention_rollout(self.part.net, torch.from_numpy(x_BCJI).to(self.device))  # type: ignore[arg-type]
        return self._on_grid(1000 * shares_BL[0, :, None], x_BCJI)[..., 0]

    def _on_grid(self, places_LD: Tensor, x_BCJI: NDArray[np.float32]) -> NDArray[np.float32]:
        rows, columns = (size // self.config.divisor for size in x_BCJI.shape[2:])
        grid_HWD: NDArray[np.float32] = places_LD.cpu().numpy().reshape(rows, columns, -1)
        return grid_HWD


def _finite(batches: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Join the vectors of batches.

    Raises:
        UsageError: there is none, or one is not finite.
    """
    if not batches:
        raise UsageError("there is no slice", fix="leave the scan out")
    vectors_BD: NDArray[np.float32] = np.concatenate(batches)
    if not np.isfinite(vectors_BD).all():
        raise UsageError("the encoder gives vectors that are not finite", fix="pass fp32, or check the weights")
    return vectors_BD


def _side(prepare: Prepare) -> int:
    """Side of the square that a preparation ends with, in pixels; 224 where it ends with none."""
    sizes = [step.size for step in prepare.steps if isinstance(step, Resize)]
    side = sizes[-1][0] if sizes and len(set(sizes[-1])) == 1 else None
    return _SIDE if side is None else side


def _rounded(net: nn.Module, precision: str) -> nn.Module:
    """Round once, in a copy, the weights that autocast would round for each batch."""
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

    Example:
        >>> patches_HWD = np.array([[[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]], np.float32)
        >>> similarity(patches_HWD, (0, 0)).tolist()
        [[1.0, 0.0, 1.0]]
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
