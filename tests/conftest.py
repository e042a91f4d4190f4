"""What holds for every test: no network, repeatable draws, the real data by VESALIUS_DATA."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import nibabel as nib
import numpy as np
import pytest

from vesalius import memory

_NO_NETWORK = Path(__file__).parent / "no_network"
_COMPILE = """
import numpy as np
from vesalius.codec.coders.wls.coder import Wls
x_NJI = (np.arange(8 * 24 * 24) % 97).astype(np.uint16).reshape(8, 24, 24)
Wls().decode(Wls().encode(x_NJI, 7, None, 1), x_NJI.shape, 7, 1)
from codec.token_tables import cell_tables, cell_tokens
from vesalius.codec.token_stream import TokenPrior, write_tokens
write_tokens(cell_tokens((1, 4, 2), 9), (2, 2), 30, TokenPrior.of(cell_tables(2)))
write_tokens(np.zeros((1, 4, 1), np.int32) + 1, (2, 2), 0, TokenPrior.of({"codes": np.array([2])}))
"""
"""Compiles the kernels of `wls` and of token streams into Numba's cache: 30 seconds, once for all processes."""

_COMPILER = pytest.StashKey[subprocess.Popen[bytes]]()

hypothesis.settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_configure(config: pytest.Config) -> None:
    """Block the network here and in every Python that a test starts; make VESALIUS_DATA absolute."""
    _prepend_path("PYTHONPATH", _NO_NETWORK)
    sys.path.insert(0, str(_NO_NETWORK))
    import sitecustomize

    if Path(sitecustomize.__file__).parent != _NO_NETWORK:  # the Python brought its own
        del sys.modules["sitecustomize"]
        import sitecustomize
    sitecustomize.block()
    os.environ["MPLBACKEND"] = "agg"
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # as many tests as cores, so no more threads
        os.environ.setdefault(variable, "1")
    data = os.environ.get("VESALIUS_DATA")
    if data:
        if not Path(data).is_dir():
            raise pytest.UsageError("VESALIUS_DATA is not a folder")
        os.environ["VESALIUS_DATA"] = str(Path(data).resolve())
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):  # else a test compiles them
        config.stash[_COMPILER] = subprocess.Popen(
            [sys.executable, "-c", _COMPILE], cwd=Path(__file__).parent, stderr=subprocess.DEVNULL
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Wait for what `pytest_configure` started."""
    if _COMPILER in config.stash:
        config.stash[_COMPILER].wait()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data; skips where VESALIUS_DATA is unset."""
    data = os.environ.get("VESALIUS_DATA")
    if not data:
        pytest.skip("VESALIUS_DATA is not set")
    return Path(data)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).parents[1]


@pytest.fixture
def memory_limit() -> Iterator[Callable[[int], None]]:
    """memory_limit(bytes): the limit of this process until the test ends."""
    yield memory.set_limit
    memory.set_limit(None)


@pytest.fixture
def make_nifti(tmp_path: Path) -> Callable[..., Path]:
    """make_nifti(shape, name): writes a small int16 NIfTI with smooth content and a known affine; returns its path."""

    def make(shape: tuple[int, ...] = (24, 20, 6), name: str = "tiny.nii") -> Path:
        grids = np.meshgrid(*(np.linspace(0, 3, size) for size in shape), indexing="ij")
        array = (1000 * np.sin(sum(grids)) ** 2).astype(np.int16)
        image = nib.Nifti1Image(array, np.diag([1.5, 1.5, 8.0, 1.0]))
        image.header.set_xyzt_units("mm", "sec")
        nib.save(image, tmp_path / name)
        return tmp_path / name

    return make


def _prepend_path(variable: str, folder: Path) -> None:
    """Put `folder` first; the others are made absolute, because a test starts Pythons in other folders."""
    others = [str(Path(part).resolve()) for part in os.environ.get(variable, "").split(os.pathsep) if part]
    os.environ[variable] = os.pathsep.join(dict.fromkeys([str(folder), *others]))
