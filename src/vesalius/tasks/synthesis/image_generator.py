"""Pictures from Python: `vesalius.ImageGenerator(checkpoint).generate(caption=...)`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vesalius.arguments import checked
from vesalius.errors import InputError, UsageError
from vesalius.scan.synthetic import Stamp, mask_digest
from vesalius.tasks.generate.generator import Generator, Request
from vesalius.tasks.label_values import LARGEST
from vesalius.tasks.synthesis.masks import Labels, mask_of_file
from vesalius.tasks.synthesis.settings import SynthesisSettings, read_settings
from vesalius.tasks.synthesis.synthetic_image import synthetic_image
from vesalius.training.device import on_cpu

if TYPE_CHECKING:  # Pillow is imported where a picture is made
    from PIL.Image import Image


class ImageGenerator:
    """A trained model of the task "generate".

    Args:
        checkpoint_path: a run, a model folder or a name of the zoo.
        device: "auto", "cpu" or "cuda".

    Raises:
        InputError: no such model, or one for another task.
        UsageError: there is no GPU.

    In use: `generator = ImageGenerator("generate/nuclei")`, then
    `generator.generate(caption="stained microscopy, few nuclei", seed=3).save("nuclei.png")`.
    """

    @checked
    def __init__(self, checkpoint_path: str | Path, device: str = "auto") -> None:
        self.generator = Generator(checkpoint_path, "cpu" if on_cpu(device) else "cuda")

    @checked
    def generate(
        self,
        caption: str = "",
        mask: Image | NDArray[np.integer] | str | Path | None = None,
        image_size: int | tuple[int, int] | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        seed: int = 0,
        *,
        mask_guidance_scale: float | None = None,
        sampler: str | None = None,
    ) -> Image:
        """Make a picture; the same arguments give the same picture.

        Args:
            caption: the picture in words; "": anything.
            mask: label map that it follows: a picture of Pillow, an array (rows, columns) or a file; None: none.
            image_size: side, or rows and columns; None: those of the mask where the model makes them, else as trained.
            num_inference_steps: steps; None: the usual number.
            guidance_scale: of the caption; None: the usual one.
            seed: of the noise.
            mask_guidance_scale: of the mask; None: the usual one.
            sampler: "euler", "heun" or "midpoint"; None: the usual one.

        Returns:
            A picture of mode L or RGB whose `info`, and each PNG and JPEG file that it is saved to, say that it is
            synthetic. What Pillow makes of it (`resize`, `crop`) keeps the `info` alone.

        Raises:
            ConfigError: a number out of its range.
            UsageError, InputError: the model cannot make such a picture.
        """
        settings = _settings(image_size, num_inference_steps, guidance_scale, seed, mask_guidance_scale, sampler)
        labels_JI = _labels(mask)
        request = Request(caption, labels_JI, settings.seed, settings.size)
        (picture_JIC,) = self.generator.sample([request], settings)
        stamp = Stamp(self.generator.name, self.generator.digest, caption, seed, mask_digest(labels_JI), settings.stamp)
        return synthetic_image(picture_JIC, stamp)


def _settings(
    size: int | tuple[int, int] | None,
    steps: int | None,
    guidance: float | None,
    seed: int,
    mask_guidance: float | None,
    sampler: str | None,
) -> SynthesisSettings:
    given: dict[str, Any] = {
        "size": (size, size) if isinstance(size, int) else size,
        "steps": steps,
        "guidance": guidance,
        "mask_guidance": mask_guidance,
        "sampler": sampler,
    }
    return read_settings(None, {name: value for name, value in given.items() if value is not None} | {"seed": seed})


def _labels(mask: Any) -> Labels | None:
    if mask is None:
        return None
    if isinstance(mask, str | Path):
        return mask_of_file(Path(mask))
    labels = np.asarray(mask)
    if labels.ndim == 3 and labels.shape[2] >= 3 and (labels[:, :, :3] == labels[:, :, :1]).all():
        labels = labels[:, :, 0]  # grey, as RGB
    if labels.ndim != 2 or labels.dtype.kind not in "biu":
        raise InputError("is no label map: whole numbers in rows and columns", where="mask")
    if labels.size and not 0 <= labels.min() <= labels.max() <= LARGEST.max:
        raise UsageError(f"holds values beyond 0 to {LARGEST.max}", where="mask", fix="give a label map")
    return labels.astype(np.int16)
