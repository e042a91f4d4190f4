"""How long do the commands of the README take? Every one is run, in their order, in an empty folder.

`make demo` is run as `vesalius demo -o demo`; `make nets` is left out. A command that fails ends the script with 1.

    python bench/readme.py [PAGE.md] [--threads 1]
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", nargs="?", type=Path, default=ROOT / "README.md")
    parser.add_argument("--threads", type=int, default=1, help="of every command")
    given = parser.parse_args()
    environment = os.environ | {"OMP_NUM_THREADS": str(given.threads)}
    print("processor s   clock s  command")
    whole = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for words in commands(given.page.read_text(encoding="utf-8")):
            before, started = spent(), time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            seconds, clock = spent() - before, time.perf_counter() - started
            whole += seconds
            print(f"{seconds:11.1f} {clock:9.1f}  {shlex.join(words)}", flush=True)
            if done.returncode:
                sys.exit(done.stderr)
    print(f"{whole:11.1f}            all of them")


def commands(text: str) -> list[list[str]]:
    """The commands of a page, as words."""
    lines = [shlex.split(line, comments=True) for block in BLOCK.findall(text) for line in block.splitlines()]
    named = [["vesalius", "demo", "-o", "demo"] if words == ["make", "demo"] else words for words in lines if words]
    return [words for words in named if words[0] == "vesalius"]


def spent() -> float:
    """Processor seconds of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
