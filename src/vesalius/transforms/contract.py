"""The input contract of a model: which images, prepared how, for which classes. Stored with its weights.

It holds the preparation itself, so a net gets its input from the code that made its training data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.config import Config
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.scan.scan import Scan
from vesalius.transforms.prepare import Prepare

PREPROCESSOR = "preprocessor.json"


class InputContract(Config):
    """The input of a model.

    Masks, logits and probabilities of the model are in the order of `classes`.

    >>> contract = InputContract(images=("t1", "t2"), classes=("tumour",))
    >>> contract.ordered({"t1": None})
    Traceback (most recent call last):
    vesalius.errors.InputError: the model needs t1, t2; t2 missing; name all images
    """

    images: tuple[str, ...] = Field(default=("image",), min_length=1, description="images that become the channels")
    optional: bool = Field(default=False, description="images may be missing: their channels are NaN")
    prepare: Prepare = Field(default=Prepare(), description="preparation of the scans")
    classes: tuple[str, ...] = Field(default=(), description="meaning of the outputs, without the background")

    def prepared(self, scans: Mapping[str, Scan]) -> NDArray[np.float32]:
        """Return the array that the net takes. Raises as `ordered` and `Prepare` do."""
        held = [name in scans for name in self.images]
        return among(self.prepare(self.ordered(scans)), held, np.nan)

    def ordered(self, scans: Mapping[str, Scan]) -> list[Scan]:
        """Return the scans that there are, in the order of the channels.

        Raises:
            InputError: an image is missing that may not be, or all are.
        """
        missing = [name for name in self.images if name not in scans]
        if len(missing) == len(self.images) or (missing and not self.optional):
            fix = "name at least one image" if self.optional else "name all images"
            raise InputError(f"the model needs {', '.join(self.images)}; {', '.join(missing)} missing", fix=fix)
        return [scans[name] for name in self.images if name in scans]


def among(array_C: NDArray[Any], held: Sequence[bool], fill: float) -> NDArray[Any]:
    """Return the channels at the places that are held, and `fill` at the others.

    Raises:
        InputError: some are not held, and those that are have more or fewer channels than one each.

    Example:
        >>> among(np.array([5, 7]), [True, False, True], 0).tolist()
        [5, 0, 7]
    """
    if all(held):
        return array_C
    if len(array_C) != sum(held):
        what = f"{sum(held)} of {len(held)} images are there, with {len(array_C)} channels once prepared"
        raise InputError(what, fix="give images of one channel each")
    whole_C = np.full((len(held), *array_C.shape[1:]), fill, array_C.dtype)
    whole_C[list(held)] = array_C
    return whole_C


def read_contract(folder: Path) -> InputContract:
    """Read the contract beside the weights of a model.

    Raises:
        InputError: missing or damaged.
    """
    path = folder / PREPROCESSOR
    try:
        return InputContract.model_validate_json(regular(path).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("is no readable input contract", where=path, fix="get the model again") from error


def write_contract(contract: InputContract, folder: Path) -> None:
    """Write the contract into a model folder."""
    (folder / PREPROCESSOR).write_text(contract.model_dump_json(indent=1) + "\n", encoding="utf-8")
