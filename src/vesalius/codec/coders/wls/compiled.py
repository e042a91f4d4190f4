"""`compiled`: machine code from Numba, kept on disk where a folder for it can be written.

Floats are computed as written (IEEE 754, no fused or reordered sums), so that the bytes of a fit are the same on every
machine and under any number of threads.

Numba keeps it beside the source, else in the user's cache folder, else where NUMBA_CACHE_DIR says. Where none of these
can be written, each process compiles again, which takes seconds. Beware: the cache knows a function by the time stamp
of the file that defines it, and by nothing else. So a kernel calls functions of the same file only, and takes constants
as arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function to machine code that runs without Python's lock."""
    try:
        machine_code: Callable[..., Any] = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder for a cache can be written
        machine_code = numba.njit(nogil=True)(function)
    return machine_code
