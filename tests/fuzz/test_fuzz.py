"""Damage of every format: one line of error, the sound values, or a note; never a traceback, never much memory.

`python -m fuzz.run --help` from the folder of tests repeats one input or prints the table.
"""

import json
import subprocess
import sys

import pytest

_MOST_MIB = 2048


def _run(inputs: int, *more: str) -> dict:
    command = [sys.executable, "-m", "fuzz.run", "--json", "--memory", "2GiB", "--inputs", str(inputs), *more]
    process = subprocess.run(command, capture_output=True, text=True, cwd="tests")
    assert process.stdout, process.stderr[-3000:]
    return json.loads(process.stdout.splitlines()[-1])


def _check(result: dict, inputs: int) -> None:
    counts = {(name, outcome): count for name, outcome, count in result["counts"]}
    assert sum(counts.values()) >= inputs
    assert result["faults"] == []
    assert {outcome for _, outcome in counts} == {"refused", "equal", "noted", "differs"}
    assert result["peak_mib"] < _MOST_MIB


def test_1200_inputs():
    _check(_run(1200), 1200)


@pytest.mark.slow
def test_20000_inputs(capsys):
    result = _run(20_000)
    with capsys.disabled():
        sys.stdout.write(f"\n{result['table']}\npeak {result['peak_mib']} MiB\n")
    _check(result, 20_000)
