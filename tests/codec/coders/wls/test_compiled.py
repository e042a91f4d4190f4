import os
import subprocess
import sys

import numba
import pytest

from vesalius.codec.coders.wls.compiled import compiled


def double(x):
    return 2 * x


def test_a_function_becomes_machine_code():
    made = compiled(double)
    assert isinstance(made, numba.core.dispatcher.Dispatcher)
    assert made(21) == 42
    assert made.targetoptions["nogil"]


def test_without_a_folder_for_the_cache_it_compiles_in_memory(monkeypatch):
    real = numba.njit

    def njit(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(numba, "njit", njit)
    assert compiled(double)(21) == 42


def test_the_cache_goes_where_the_variable_says(tmp_path):
    code = (
        "import numpy as np\nfrom vesalius.codec.coders.table import coder\n"
        "x = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)\n"
        "print(len(coder('wls').decode(b'\\0' + x.tobytes(), x.shape, 16, 1)))\n"
        "from vesalius.codec.coders.wls.kernels import _average\n"
        "_average(np.zeros(9, np.int32), 0, 4, 4, True)\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "3"
    assert list(tmp_path.rglob("*.nbi"))


@pytest.mark.parametrize("module", ["vesalius.codec.coders.table", "vesalius.codec.compress", "vesalius.codec.decode"])
def test_numba_is_loaded_only_where_the_coder_runs(module):
    code = f"import sys, {module}; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
