"""Find model folders: by path, in a run folder, or in the zoo that comes with the package. Needs no torch."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from vesalius.errors import InputError
from vesalius.files import regular

ZOO = Path(str(files("vesalius"))) / "zoo"
_CONFIG, _OF_A_RUN = "config.json", "model"


def zoo_names() -> tuple[str, ...]:
    """Return the names of the models that come with the package, e.g. "segment/cine_unet"; sorted."""
    folders = (path.parent for path in ZOO.rglob(_CONFIG)) if ZOO.is_dir() else ()
    return tuple(sorted(folder.relative_to(ZOO).as_posix() for folder in folders))


def locate(name: str | Path) -> Path:
    """Return the model folder of a name: a model folder itself, that of a run folder, or one of the zoo.

    Raises:
        InputError: no such folder or model.
    """
    path = regular(Path(name))
    for folder in (path, path / _OF_A_RUN, ZOO / path):
        if regular(folder / _CONFIG).is_file():
            return folder
    if path.is_dir():
        raise InputError("is no model folder: it has no config.json", where=path, fix="name a run or model folder")
    names = ", ".join(zoo_names()) or "nothing yet"
    what, fix = "is neither a folder nor a model that comes with the package", f"name a folder or one of: {names}"
    raise InputError(what, where=str(name), fix=fix)
