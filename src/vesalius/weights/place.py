"""Find model folders: by path, in a run folder, in the user's folder of models, or in the zoo of the package.

Needs no torch.
"""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.weights.known import ON_REQUEST

ZOO = Path(str(files("vesalius"))) / "zoo"
MODELS = "VESALIUS_MODELS"
"""Environment variable with the path of the user's folder of models."""
_CONFIG, _OF_A_RUN = "config.json", "model"


def zoo_names() -> tuple[str, ...]:
    """Return the names of the models that come with the package, e.g. "segment/cine_unet"; sorted."""
    folders = (path.parent for path in ZOO.rglob(_CONFIG)) if ZOO.is_dir() else ()
    return tuple(sorted(folder.relative_to(ZOO).as_posix() for folder in folders))


def locate(name: str | Path) -> Path:
    """Return the model folder of a name: a model folder itself, that of a run, one of the user's models or of the zoo.

    Raises:
        InputError: no such folder or model.
    """
    path = regular(Path(name))
    models = os.environ.get(MODELS)
    for folder in (path, path / _OF_A_RUN, *([Path(models) / path] if models else []), ZOO / path):
        if regular(folder / _CONFIG).is_file():
            return folder
    if path.is_dir():
        raise InputError("is no model folder: it has no config.json", where=path, fix="name a run or model folder")
    if str(name) in ON_REQUEST:
        asked = ON_REQUEST[str(name)]
        fix = f"{asked.request}, import it with --layout {asked.layout}, and name that folder"
        raise InputError("is given out on request only", where=str(name), fix=fix)
    names = ", ".join(zoo_names()) or "nothing yet"
    what, fix = "is neither a folder nor a model that comes with the package", f"name a folder or one of: {names}"
    raise InputError(what, where=str(name), fix=fix)
