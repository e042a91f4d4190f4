"""Randomness that does not depend on machine, worker or order: every draw comes from names, not from a shared state.

The names are those of the thing that is drawn, e.g. (run seed, epoch, sample id): the same sample is changed in the
same way whichever worker, rank or place in the batch it gets.
"""

from __future__ import annotations

import hashlib

import numpy as np

Name = int | str


def digest(*names: Name) -> int:
    """A whole number of 128 bits, equally likely everywhere, that only depends on `names`.

    The same on every machine, Python and NumPy version; 1 and "1" are different names, and so are ("a", "b") and
    ("ab",).
    """
    hashed = hashlib.blake2b(digest_size=16)
    for name in names:
        kind = b"i" if isinstance(name, int) else b"s"
        text = str(int(name) if isinstance(name, int) else name).encode("utf-8", "surrogatepass")
        hashed.update(kind + len(text).to_bytes(8, "little") + text)
    return int.from_bytes(hashed.digest(), "little")


def generator(*names: Name) -> np.random.Generator:
    """Random numbers that only depend on `names`, e.g. on (seed, epoch, sample_id).

    Its bits are the same everywhere; what NumPy makes of them may change with NumPy's version.
    """
    return np.random.Generator(np.random.PCG64(digest(*names)))


def shuffled(ids: list[str], *names: Name) -> list[str]:
    """The ids in an order that only depends on `names` and the set of ids, not on the order given.

    The same on every machine and version.
    """
    return sorted(ids, key=lambda one: (digest(*names, one), one))
