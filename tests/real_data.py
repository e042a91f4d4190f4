"""Real data for tests: the folder that VESALIUS_DATA points to."""

import os
from pathlib import Path

import pytest


def real(relative: str) -> Path:
    """The path below VESALIUS_DATA; skips the test where it is absent."""
    root = os.environ.get("VESALIUS_DATA")
    if not root:
        pytest.skip("VESALIUS_DATA is not set")
    path = Path(root) / relative
    if not path.exists():
        pytest.skip(f"{relative} is not among the real data")
    return path
