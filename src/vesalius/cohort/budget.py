"""How much memory a loader takes: what is being made, what waits for its turn, what is kept.

A share is left for arrays in the making and for samples that wait; the rest keeps prepared arrays. What is kept stays
until the end: a shuffled pass over more than fits would find much less of what was used last (of one half, LRU finds
15 %, this 50 %). One case at least is always worked on, also where the budget is smaller than that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

_SHARE_IN_THE_MAKING = 0.25
_SHARE_WAITING = 0.25
_COPIES = 2
"""A waiting sample and the arrays it was joined or augmented from."""


class Budget:
    """Counts the bytes of one loader; all its threads share it.

    Args:
        total_bytes: what the loader may hold.
    """

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self._kept: dict[tuple[str, ...], tuple[str, NDArray[Any]]] = {}
        self._kept_bytes = 0
        self._making_bytes = 0
        self._most_making_bytes = 0
        self._sample_bytes = 0
        self._waiting = 1
        self._change = threading.Condition()
        self.notes: list[str] = []

    @property
    def kept_bytes(self) -> int:
        """Bytes of the arrays that are kept."""
        return self._kept_bytes

    @contextmanager
    def making(self, cost_bytes: int) -> Iterator[None]:
        """Waits until there is room for an array in the making, or nothing else is being made."""
        with self._change:
            room = self.total_bytes * _SHARE_IN_THE_MAKING
            self._change.wait_for(lambda: not self._making_bytes or self._making_bytes + cost_bytes <= room)
            self._making_bytes += cost_bytes
            if cost_bytes > self.total_bytes and not self.notes:
                mib = (self.total_bytes >> 20, -(-cost_bytes >> 20))
                self.notes.append(f"{mib[0]} MiB of memory were given, but preparing one case takes about {mib[1]} MiB")
            self._most_making_bytes = max(self._most_making_bytes, self._making_bytes)
            self._shed()
        try:
            yield
        finally:
            with self._change:
                self._making_bytes -= cost_bytes
                self._change.notify_all()

    def met(self, sample_bytes: int) -> None:
        """A sample of this size was made."""
        with self._change:
            self._sample_bytes = max(self._sample_bytes, sample_bytes)
            self._shed()

    def window(self, most: int) -> int:
        """How many samples may be made ahead: at most `most`, 1 until the first one has been met."""
        with self._change:
            if self._sample_bytes:
                room = int(self.total_bytes * _SHARE_WAITING) // (_COPIES * self._sample_bytes)
                self._waiting = max(1, min(most, room))
                self._shed()
            return self._waiting

    def kept(self, slot: tuple[str, ...], key: str) -> NDArray[Any] | None:
        """The array kept for a slot, if it was made from the same `key`; another one is let go."""
        with self._change:
            found = self._kept.get(slot)
            if found is None or found[0] == key:
                return None if found is None else found[1]
            self._drop(slot)
            return None

    def has_room(self, size_bytes: int) -> bool:
        """Whether an array of this size could be kept now."""
        with self._change:
            return self._kept_bytes + size_bytes <= self._room_to_keep()

    def keep(self, slot: tuple[str, ...], key: str, array: NDArray[Any]) -> NDArray[Any]:
        """Keep an array where there is room, then it becomes read-only; gives the array."""
        with self._change:
            if slot in self._kept:
                self._drop(slot)
            if self._kept_bytes + array.nbytes > self._room_to_keep():
                return array
            array.setflags(write=False)
            self._kept[slot] = key, array
            self._kept_bytes += array.nbytes
        return array

    def _room_to_keep(self) -> int:
        return self.total_bytes - self._most_making_bytes - self._waiting * _COPIES * self._sample_bytes

    def _shed(self) -> None:
        """Let go of what was kept last until the rest fits."""
        while self._kept and self._kept_bytes > self._room_to_keep():
            self._drop(next(reversed(self._kept)))

    def _drop(self, slot: tuple[str, ...]) -> None:
        self._kept_bytes -= self._kept.pop(slot)[1].nbytes
