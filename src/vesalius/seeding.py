"""Randomness that does not depend on machine, worker or order: every draw comes from names, not from a shared state.

The names identify the draw, e.g. (run seed, epoch, sample id): the same sample is changed in the same way whatever its
worker, rank and place in the batch.
"""

from __future__ import annotations

import hashlib

import numpy as np

Name = int | str


def digest(*names: Name) -> int:
    """Return a uniformly distributed number of 128 bits that only depends on `names`.

    It is the same on every machine, Python and NumPy version; 1 and "1" are different names, and so are ("a", "b") and
    ("ab",).
    """
    hashed = hashlib.blake2b(digest_size=16)
    for name in names:
        kind = b"i" if isinstance(name, int) else b"s"
        text = str(int(name) if isinstance(name, int) else name).encode("utf-8", "surrogatepass")
        hashed.update(kind + len(text).to_bytes(8, "little") + text)
    return int.from_bytes(hashed.digest(), "little")


def generator(*names: Name) -> np.random.Generator:
    """Return a generator that only depends on `names`, e.g. on (seed, epoch, sample_id).

    Its bits are the same everywhere; the numbers that NumPy makes of them may change with NumPy's version.

    Example:
        >>> digest("case", 7) == digest("case", 7), digest("case", 7) == digest("case", "7")
        (True, False)
    """
    return np.random.Generator(np.random.PCG64(digest(*names)))


def shuffled(ids: list[str], *names: Name) -> list[str]:
    """Return the ids in an order that only depends on `names` and the set of ids, on every machine and version."""
    return sorted(ids, key=lambda name: (digest(*names, name), name))
