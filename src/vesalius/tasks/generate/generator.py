"""Pictures from captions and masks, with a trained model.

Letters: B batch, C channel, M classes of the mask, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vesalius.errors import InputError, UsageError
from vesalius.nets.picture_latents import LatentNet, PictureLatents
from vesalius.progress import count
from vesalius.seeding import digest
from vesalius.tasks.generate.canvas import FlowSpace
from vesalius.tasks.generate.conditions import Captions, Conditions
from vesalius.tasks.generate.config import LONGEST_CAPTION, TEXT, VAE, GenerateSettings
from vesalius.tasks.generate.places import shares_of
from vesalius.tasks.generate.sampler import SampleOptions, Watch, integrated, quiet_watch
from vesalius.tasks.label_values import LARGEST, LabelValues
from vesalius.tasks.predictor import model_name
from vesalius.transforms.resize import resized
from vesalius.weights.card import read_card
from vesalius.weights.saved import NET, from_pretrained

_LARGEST_AREA = 16
"""Pictures of more than so many times the area that the model was trained at are refused."""
_DEFAULTS = SampleOptions()


@dataclass(frozen=True, eq=False)
class Request:
    """One picture.

    Args:
        caption: the picture in words; "": anything.
        mask: label map, values of the classes, axes J, I; None: structures anywhere.
        seed: of its noise: the same request gives the same picture, whatever is sampled beside it.
        size: rows and columns; None: those of the mask where the model can make them, else those it was trained at.
    """

    caption: str = ""
    mask: NDArray[np.integer] | None = None
    seed: int = 0
    size: tuple[int, int] | None = None


class Generator:
    """Samples pictures.

    Args:
        model: a model folder, a run, or a name of the zoo.
        device: where the net runs.

    Raises:
        InputError: no such model, or one for another task.
        CorruptFileError: it is damaged.
    """

    def __init__(self, model: str | Path, device: str = "cpu") -> None:
        loaded = from_pretrained(model, "generate")
        self.settings = GenerateSettings.parse(dict(loaded.config.settings), loaded.folder)
        self.name, self.digest, self.card = model_name(loaded.folder), loaded.digest, read_card(loaded.folder)
        self.device = torch.device(device)
        self._net = loaded.parts[NET].net.to(self.device)
        self._text = loaded.parts[TEXT].net.to(self.device)
        vae = loaded.parts.get(VAE)
        self._vae = vae.net.to(self.device) if vae is not None and isinstance(vae.net, PictureLatents) else None
        sizes = vae.config if vae is not None and isinstance(vae.config, LatentNet) else None
        self._canvas = FlowSpace(self.settings.pixels, sizes)
        net = loaded.parts[NET].config
        self._divisor, self._channels = net.divisor * self._canvas.factor, int(net.inputs or 0)
        self._trained_text = bool(getattr(loaded.parts[TEXT].config, "trained", True))
        self._captions = Captions()
        classes = self.settings.classes
        self._values = LabelValues(classes, map_values=self.settings.map_values) if classes else None

    @property
    def parameters(self) -> int:
        """Number of weights of the net and the encoder of text."""
        return sum(weight.numel() for part in (self._net, self._text) for weight in part.parameters())

    def check(self, request: Request) -> None:
        """Raise a UsageError or InputError where a picture cannot be made as requested."""
        if len(request.caption) > LONGEST_CAPTION:
            what = f"a caption of {len(request.caption)} characters is too long"
            raise UsageError(what, where="caption", fix=f"use {LONGEST_CAPTION} characters at most")
        if not 0 <= request.seed < 1 << 63:
            raise UsageError("a seed is a whole number from 0 to 2^63 - 1", where="seed")
        rows, columns = self.size_of(request)
        if rows % self._divisor or columns % self._divisor or min(rows, columns) < 1:
            what = f"the model does not make pictures of {rows} rows and {columns} columns"
            raise UsageError(what, where="size", fix=f"give multiples of {self._divisor}")
        area = max(high * wide for high, wide in self.settings.sizes)
        if rows * columns > _LARGEST_AREA * area:
            usual = " or ".join(f"{high} x {wide}" for high, wide in self.settings.sizes)
            what = f"a picture of {rows} x {columns} is far larger than those it was trained at"
            raise UsageError(what, where="size", fix=f"use about {usual}")
        if request.mask is not None:
            self._check_mask(request.mask, (rows, columns))

    def size_of(self, request: Request) -> tuple[int, int]:
        """Rows and columns of the picture of a request."""
        if request.size is not None or request.mask is None:
            return request.size or self.settings.size
        shape = (int(request.mask.shape[0]), int(request.mask.shape[1])) if request.mask.ndim == 2 else (0, 0)
        return shape if shape in self.settings.sizes else self._size_like(shape)

    def sample(
        self,
        requests: Sequence[Request],
        options: SampleOptions = _DEFAULTS,
        step: Watch = quiet_watch,
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield a picture for each request, in their order: (J, I, C), 0 to 255, C 1 or 3.

        Args:
            requests: what to make.
            options: steps, guidance and so on.
            step: called after each step of each batch with the steps done and in all; it may raise to cancel.

        Raises:
            UsageError, InputError: as `check`, before anything is sampled.
        """
        for request in requests:
            self.check(request)
        together: list[list[Request]] = []
        for _, same in groupby(requests, key=lambda request: (self.size_of(request), request.mask is None)):
            alike = list(same)
            together += [alike[n : n + options.batch] for n in range(0, len(alike), options.batch)]
        return self._sampled(together, options, step)

    def _sampled(
        self, together: Sequence[Sequence[Request]], options: SampleOptions, step: Watch
    ) -> Iterator[NDArray[np.uint8]]:
        for number, requests in enumerate(together):

            def watch(done: int, steps: int, before: int = number) -> None:
                step(before * steps + done, len(together) * steps)
                count(before * steps + done, len(together) * steps, "steps")

            pictures_BCJI = self._canvas.to_pictures(self._flow(requests, options, watch), self._vae)
            levels = (255 * pictures_BCJI).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
            yield from levels

    @torch.no_grad()
    def _flow(self, requests: Sequence[Request], options: SampleOptions, watch: Watch) -> Tensor:
        size = self.size_of(requests[0])
        shape = self._canvas.shape(self._channels, size)
        noise_BCJI = torch.stack([noise_of(request.seed, shape) for request in requests]).to(self.device)
        mask_BMJI = self._masks(requests, size)
        own = self._conditions([request.caption for request in requests], mask_BMJI)
        blank = self._conditions([""] * len(requests), mask_BMJI)
        has_mask = any(request.mask is not None for request in requests)
        contrasts = [
            (scale - 1, other)
            for scale, other, applies in (
                (options.guidance, blank, any(request.caption for request in requests)),
                (options.mask_guidance, own.without_mask(), has_mask),
            )
            if applies and scale != 1
        ]
        velocity = self._velocity(own, contrasts, options)
        return integrated(velocity, noise_BCJI, options, watch)

    def _velocity(
        self, own: Conditions, contrasts: Sequence[tuple[float, Conditions]], options: SampleOptions
    ) -> Callable[[Tensor, float], Tensor]:
        flow, (first, last) = self.settings.flow, options.interval

        def seen(conditions: Conditions, x_BCJI: Tensor, t: float) -> Tensor:
            t_B = torch.full((len(x_BCJI),), t, device=x_BCJI.device)
            return flow.velocity(conditions.output(self._net, x_BCJI, t_B), x_BCJI, t_B, least=1e-3)

        def velocity(x_BCJI: Tensor, t: float) -> Tensor:
            v_BCJI = seen(own, x_BCJI, t)
            if not first <= t <= last:
                return v_BCJI
            changes = [more * (v_BCJI - seen(other, x_BCJI, t)) for more, other in contrasts]
            return v_BCJI + sum(changes) if changes else v_BCJI

        return velocity

    def _conditions(self, captions: Sequence[str], mask_BMJI: Tensor | None) -> Conditions:
        encoded = self._captions.encode(self._text, captions, trained=self._trained_text)
        return Conditions(*encoded, mask_BMJI)

    def _masks(self, requests: Sequence[Request], size: tuple[int, ...]) -> Tensor | None:
        if self._values is None:
            return None
        count = len(self._values.names)
        masks = [np.zeros((count, *size), np.float32) for _ in requests]
        for mask_MJI, request in zip(masks, requests, strict=True):
            if request.mask is not None:
                shares_MJI = shares_of(request.mask, self._values, "mask")
                mask_MJI[:] = 2 * np.clip(resized(shares_MJI, list(size), "linear"), 0, 1) - 1
        return self._canvas.places(torch.from_numpy(np.stack(masks))).to(self.device)

    def _check_mask(self, mask_JI: NDArray[np.integer], size: tuple[int, int]) -> None:
        if self._values is None:
            raise UsageError("the model takes no masks", where="mask", fix="leave the mask out")
        if mask_JI.ndim != 2 or mask_JI.dtype.kind not in "biu":
            raise InputError("is no label map: whole numbers in rows and columns", where="mask")
        if mask_JI.size and (mask_JI.min() < 0 or mask_JI.max() > LARGEST.max):
            raise InputError(f"holds values beyond 0 to {LARGEST.max}", where="mask", fix="give a label map")
        rows, columns = mask_JI.shape
        if not rows or not columns or abs(rows / size[0] - columns / size[1]) > 0.02 * rows / size[0]:
            what = f"has {rows} x {columns} pixels, which do not have the shape of a picture of {size[0]} x {size[1]}"
            raise InputError(what, where="mask", fix="crop it, or give the picture another size")
        shares_of(mask_JI, self._values, "mask")

    def _size_like(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Of the sizes that the model was trained at, the first of the aspect of a mask, else the first."""
        same = [size for size in self.settings.sizes if size[0] * shape[1] == size[1] * shape[0]]
        return (same or [self.settings.size])[0]


def noise_of(seed: int, shape: Sequence[int]) -> Tensor:
    """Return the noise of a seed, the same on every device and beside any other picture."""
    generator = torch.Generator().manual_seed(digest("picture", seed) % (1 << 63))
    return torch.randn(*shape, generator=generator)
