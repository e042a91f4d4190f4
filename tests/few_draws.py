"""Intervals of few draws, for tests that do not read how wide one is (`metrics/test_bootstrap.py` does)."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from vesalius.metrics.bootstrap import clustered_intervals

_DRAWS = 50


@contextmanager
def few_draws(*modules: str) -> Iterator[None]:
    """Let these modules of vesalius, and all that measures with intervals, draw patients a few times only."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("metrics.bootstrap", *modules):
            patch.setattr(f"vesalius.{module}.clustered_intervals", partial(clustered_intervals, draws=_DRAWS))
        yield
