"""`python -m fuzz.run --inputs N [--formats WORD]`: damage every format, N inputs in all, and count the outcomes.

It runs in a separate process, so that its peak memory is measured alone. With --json the result is one line: the
counts, the faults as (format, class, number, what) and the peak in MiB. `--only CLASS NUMBER` repeats one input.
"""

import argparse
import json
import re
import resource
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fuzz import containers, documents, formats
from fuzz.formats import Specimen
from fuzz.judge import OUTCOMES, Facts, FaultError, facts_of, judge, nothing_printed
from fuzz.mutate import CLASSES, mutated
from vesalius.memory import set_limit


@dataclass
class Tally:
    """Counts and faults."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[tuple[str, str, int, str]] = field(default_factory=list)

    def table(self) -> str:
        """One line for each format."""
        names = dict.fromkeys(name for name, _ in self.counts)
        words = (*OUTCOMES, "fault")
        lines = [f"{'':26}" + "".join(f"{word:>9}" for word in words)]
        lines += [f"{name:26}" + "".join(f"{self.counts[name, word]:9d}" for word in words) for name in names]
        total = {word: sum(self.counts[name, word] for name in names) for word in words}
        return "\n".join([*lines, f"{'all':26}" + "".join(f"{total[word]:9d}" for word in words)])


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=1500)
    parser.add_argument("--formats", default="", help="part of the name of a format")
    parser.add_argument("--only", nargs=2, metavar=("CLASS", "NUMBER"))
    parser.add_argument("--memory", default="2GiB")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    set_limit(given.memory)
    with tempfile.TemporaryDirectory() as folder:
        every = [specimen for module in (formats, documents, containers) for specimen in module.every(Path(folder))]
        specimens = [specimen for specimen in every if given.formats in specimen.name]
    tally = Tally()
    rounds = -(-given.inputs // (len(CLASSES) * len(specimens)))
    for specimen in specimens:
        sound = _sound(specimen)
        for kind in CLASSES if given.only is None else given.only[:1]:
            for number in range(rounds) if given.only is None else [int(given.only[1])]:
                tally.counts[
                    specimen.name, _outcome(specimen, sound, kind, number, tally, shown=given.only is not None)
                ] += 1
    peak_mib = _peak_mib()
    if given.json:
        counts = [[*key, count] for key, count in tally.counts.items()]
        text = json.dumps({"counts": counts, "faults": tally.faults, "peak_mib": peak_mib, "table": tally.table()})
    else:
        faults = (f"{name} {kind} {number}: {what}" for name, kind, number, what in tally.faults)
        text = "\n".join([tally.table(), *faults, f"{tally.counts.total()} inputs, peak {peak_mib} MiB"])
    sys.stdout.write(text + "\n")
    sys.exit(bool(tally.faults))


def _peak_mib() -> int:
    """Peak memory of this program; ru_maxrss would count its parent, which may be larger."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _sound(specimen: Specimen) -> Facts:
    with tempfile.TemporaryDirectory() as folder:
        sound = facts_of(specimen.write(Path(folder)))
    if not sound.scans or sound.errors:
        raise SystemExit(f"{specimen.name} is not sound: {sound.errors}")
    return sound


def _outcome(specimen: Specimen, sound: Facts, kind: str, number: int, tally: Tally, *, shown: bool) -> str:
    mutation = mutated(specimen.files[specimen.mutated], kind, specimen.name, number)
    if mutation.data == specimen.files[specimen.mutated]:
        return "equal"
    try:
        with nothing_printed():
            return judge(specimen, sound, mutation.data, mutation.start)
    except Exception as error:
        if shown:
            traceback.print_exc()
        what = str(error) if isinstance(error, FaultError) else f"{type(error).__name__}: {error}"
        tally.faults.append((specimen.name, kind, number, " ".join(what.split())[:300]))
        return "fault"


if __name__ == "__main__":
    main()
