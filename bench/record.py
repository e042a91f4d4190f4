"""Keep what a script of bench/ prints: bench/records/NAME.json, from which docs/make_figures.py makes a page.

    python bench/record.py ejection                    run bench/ejection.py, show and keep its output
    python bench/record.py codec --slices 3            with arguments
    python bench/record.py keyframes DATA -o WORK --seeds 1 --log FILE   keep the output of an earlier run of it

A record holds the command, the day, the seconds of the processor, the processor and the versions; paths are kept by
their last name. Figures of two records can be compared only where the machine is the same.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vesalius.versions import installed

BENCH = Path(__file__).parent
RECORDS = BENCH / "records"
SHOWN = ("vesalius", "numpy", "torch", "monai", "imagecodecs", "av")


def main() -> None:
    """Run the script, or read its log, and write the record."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return
    name, words = sys.argv[1].removesuffix(".py"), sys.argv[2:]
    if "--log" in words:
        place = words.index("--log")
        log = Path(words[place + 1])
        del words[place : place + 2]
        lines, day, seconds = log.read_text(encoding="utf-8").splitlines(), log.stat().st_mtime, None
    else:
        lines, seconds = run(name, words)
        day = datetime.now(UTC).timestamp()
    record = {
        "command": " ".join(["python", f"bench/{name}.py", *map(shown, words)]),
        "day": datetime.fromtimestamp(day, UTC).date().isoformat(),
        "processor_seconds": seconds,
        "machine": {"processor": processor(), "system": platform.system()},
        "versions": {package: installed(package) for package in SHOWN if installed(package)},
        "lines": [without_paths(line, words) for line in lines],
    }
    RECORDS.mkdir(exist_ok=True)
    path = RECORDS / f"{name}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{path}: {len(lines)} lines")


def run(name: str, words: list[str]) -> tuple[list[str], float]:
    """Return the lines that a script prints, which are shown as they come, and the seconds of its processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-u", str(BENCH / f"{name}.py"), *words]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        for line in process.stdout or ():
            print(line, end="")
            lines.append(line.rstrip())
    if process.returncode:
        sys.exit(f"bench/{name}.py ended with {process.returncode}; nothing is kept")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return lines, round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)


def processor() -> str:
    """The model of the processor, where the system states it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def shown(word: str) -> str:
    """A word of the command; a path by its last name."""
    return Path(word).name if os.sep in word and Path(word).is_absolute() else word


def without_paths(line: str, words: list[str]) -> str:
    """A line of the output, paths of the command and of the home by their last name."""
    for word in sorted((word for word in words if Path(word).is_absolute()), key=len, reverse=True):
        line = line.replace(word, shown(word))
    return line


def load(folder: Path = RECORDS) -> dict[str, dict[str, Any]]:
    """All records by the name of their script."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


if __name__ == "__main__":
    main()
