"""The memory of a loader: arrays in preparation, samples that wait for their turn, arrays that are kept.

A share is reserved for arrays in preparation and for waiting samples; the rest keeps prepared arrays. Kept arrays are
not replaced by newer ones: in a shuffled pass over a cohort twice as large as the memory, LRU hits 15 % of the arrays,
this 50 %. At least one case is always in work, even where the budget is smaller.
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
"""A waiting sample and the arrays it was augmented from."""


class Budget:
    """Counter of the bytes of one loader, of which it may hold `total_bytes`; shared by its threads."""

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self._kept: dict[tuple[str, ...], tuple[str, NDArray[Any]]] = {}
        self.kept_bytes = 0
        self._making_bytes = 0
        self._most_making_bytes = 0
        self._sample_bytes = 0
        self._waiting = 1
        self._change = threading.Condition()
        self.notes: list[str] = []

    @contextmanager
    def making(self, cost_bytes: int) -> Iterator[None]:
        """Wait until there is room for an array in preparation, or no other is in preparation."""
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
        """Record the size of a finished sample."""
        with self._change:
            self._sample_bytes = max(self._sample_bytes, sample_bytes)
            self._shed()

    def window(self, most: int) -> int:
        """Return how many samples may be loaded ahead: at most `most`; 1 before the first is recorded."""
        with self._change:
            if self._sample_bytes:
                room = int(self.total_bytes * _SHARE_WAITING) // (_COPIES * self._sample_bytes)
                self._waiting = max(1, min(most, room))
                self._shed()
            return self._waiting

    def kept(self, slot: tuple[str, ...], key: str) -> NDArray[Any] | None:
        """Return the array kept for a slot if it belongs to `key`; an array of another key is dropped."""
        with self._change:
            kept_key, array = self._kept.get(slot, (key, None))
            if kept_key == key:
                return array
            self._drop(slot)
            return None

    def has_room(self, size_bytes: int) -> bool:
        """Return whether an array of this size could be kept now."""
        with self._change:
            return self.kept_bytes + size_bytes <= self._room_to_keep()

    def keep(self, slot: tuple[str, ...], key: str, array: NDArray[Any]) -> NDArray[Any]:
        """Keep an array, read-only, if there is room; return the array."""
        with self._change:
            if slot in self._kept:
                self._drop(slot)
            if self.kept_bytes + array.nbytes > self._room_to_keep():
                return array
            array.setflags(write=False)
            self._kept[slot] = key, array
            self.kept_bytes += array.nbytes
        return array

    def _room_to_keep(self) -> int:
        return self.total_bytes - self._most_making_bytes - self._waiting * _COPIES * self._sample_bytes

    def _shed(self) -> None:
        """Drop the arrays kept last until the rest fits."""
        while self._kept and self.kept_bytes > self._room_to_keep():
            self._drop(next(reversed(self._kept)))

    def _drop(self, slot: tuple[str, ...]) -> None:
        self.kept_bytes -= self._kept.pop(slot)[1].nbytes
