"""Sentences about a scan that name files, for eyes on this machine, and the same sentences for files that leave it."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 5


class Note(str):
    """A sentence with names of files in it.

    Names of files are often names of patients, so a note that is stored (in a `.vsl` header) is `plain`.

    Args:
        text: the sentence.
        plain: the same sentence without names.
    """

    __slots__ = ("plain",)
    plain: str

    def __new__(cls, text: str, plain: str) -> Note:
        """See the class."""
        note = super().__new__(cls, text)
        note.plain = plain
        return note

    @classmethod
    def naming(cls, what: str, names: Sequence[str]) -> Note:
        """`what`, a sentence that counts, followed by up to five of the names."""
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return cls(f"{what}: {', '.join(names[:_SHOWN])}{more}", what)


def plain(note: str) -> str:
    """The sentence without names of files."""
    return note.plain if isinstance(note, Note) else note
