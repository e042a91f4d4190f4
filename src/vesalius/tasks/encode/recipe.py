"""How the vectors of a store were made, so that a new scan is encoded in the same way: `recipe.json` beside them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePath
from typing import Literal

from pydantic import Field

from vesalius.config import Config, load_config
from vesalius.errors import ConfigError, InputError
from vesalius.output import new_file
from vesalius.tasks.encode.options import Pool
from vesalius.tasks.encode.slices import SliceConfig
from vesalius.transforms.contract import InputContract
from vesalius.weights.place import ZOO, locate

RECIPE = "recipe.json"


class Recipe(Config):
    """Encoder, preparation, choice of slices and pooling of a store of vectors."""

    format: Literal[1] = Field(default=1, description="version of the format")
    model: str = Field(description="name of the zoo, or folder of the model, seen from the folder of the store")
    contract: InputContract = Field(description="images, and their preparation")
    choice: SliceConfig = Field(description="slices that were used")
    pool: Pool = Field(description="what became of the rows of a case")
    precision: Literal["fp32", "bf16"] = Field(description="precision of the net")

    def digest(self) -> str:
        """64 hexadecimal digits for all that decides about rows besides the encoder and the input."""
        facts = (self.contract.prepare.digest(), *self.contract.images, self.choice.digest(), self.pool)
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write it into the folder of a store, in place of an older one."""
        with new_file(folder / RECIPE, force=True) as part:
            part.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Recipe:
        """Read the recipe of a store.

        Raises:
            InputError: missing or damaged.
        """
        try:
            return load_config(cls, folder / RECIPE)
        except ConfigError as error:
            what = f"does not say how the vectors were made ({error.what})"
            raise InputError(what, where=folder / RECIPE, fix="make the store with vesalius embed") from error

    def model_folder(self, store: Path) -> Path:
        """Return the model folder.

        Raises:
            InputError: it is not there.
        """
        try:
            near = store / self.model
            return locate(near if near.is_dir() else self.model)
        except InputError as error:
            what = "the encoder of the store is not where it was"
            raise InputError(what, where=self.model, fix="name its folder with --model") from error


def model_name(folder: Path, store: Path) -> str:
    """Return how a recipe names a model folder.

    Example:
        >>> model_name(ZOO / "detect" / "head_ct_phantom", Path("vectors")), model_name(Path("runs/a"), Path("vectors"))
        ('detect/head_ct_phantom', '../runs/a')
    """
    folder = folder.resolve()
    if folder.is_relative_to(ZOO.resolve()):
        return folder.relative_to(ZOO.resolve()).as_posix()
    try:
        return PurePath(os.path.relpath(folder, store.resolve())).as_posix()
    except ValueError:  # another drive
        return folder.as_posix()
