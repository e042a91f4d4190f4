"""`compiled`: machine code from Numba, kept on disk where a folder for it can be written.

Floats are computed as written (IEEE 754, no fused or reordered sums), so that the bytes of a fit are the same on every
machine and under any number of threads.

Numba keeps it beside the source, else in the user's cache folder, else where NUMBA_CACHE_DIR says. Where none of these
can be written, each process compiles anew, which takes seconds. Beware: what is kept is known by the time stamp of the
file that defines the function alone. So a kernel calls only functions of its own file, and constants are arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code that runs without Python's lock."""
    try:
        made: Callable[..., Any] = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder for a cache can be written
        made = numba.njit(nogil=True)(function)
    return made
