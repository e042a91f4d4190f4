"""Frames of a cine at end-diastole and end-systole, as stated by a manifest or an `Info.cfg`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeGuard

from vesalius.cohort.builders.acdc import read_info
from vesalius.cohort.case import Case
from vesalius.errors import InputError

ED, ES = "ED", "ES"
"""Names of the masks and of their frames."""
_INFO: Final = "Info.cfg"
StatedBy = Literal["Info.cfg", "the manifest"]


@dataclass(frozen=True)
class Ends:
    """The two frames, counted from 0, and what states them."""

    ed: int
    es: int
    stated_by: StatedBy

    @property
    def frames(self) -> tuple[int, int]:
        """ED and ES."""
        return self.ed, self.es


def ends_of_case(case: Case) -> Ends | None:
    """Return the frames of the masks ED and ES, else the facts ed_frame and es_frame; None if one is missing.

    Raises:
        InputError: both are the same frame.
    """
    for frames, names in ((case.frames, (ED, ES)), (case.facts, ("ed_frame", "es_frame"))):
        ed, es = (frames.get(name) for name in names)
        if _is_frame(ed) and _is_frame(es):
            return _ends(ed, es, "the manifest")
    return None


def ends_beside(path: Path) -> Ends | None:
    """Return the frames in the Info.cfg beside a file, which counts from 1; None without that file.

    Raises:
        InputError: it cannot be read, or calls one frame both.
    """
    info = read_info(path.parent / _INFO) if path.is_file() else {}
    ed, es = (info.get(name.lower()) for name in (ED, ES))
    return _ends(ed - 1, es - 1, _INFO) if _is_frame(ed, 1) and _is_frame(es, 1) else None


def _ends(ed: int, es: int, stated_by: StatedBy) -> Ends:
    if ed == es:
        raise InputError(f"{stated_by} calls one frame both ED and ES", fix="correct it, or remove unknown frames")
    return Ends(ed, es, stated_by)


def _is_frame(number: object, least: int = 0) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool) and number >= least
