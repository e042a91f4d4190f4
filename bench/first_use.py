"""Time to the first output of each verb: its help, a wrong path, a wrong key, beside `import torch`.

A ratio of 0.5 means half of the time that `import torch` alone takes in the same run. Each is the least of several runs
in a fresh Python, after one that warms the disk cache: wall time until the first byte, and processor time until the
end, which other work on the machine hardly changes. Goal: a wrong path stays below 0.5 in every verb; nothing heavy is
loaded before paths and keys are checked. Run with `make bench`; needs torch.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

GOAL = 0.5
WRONG_PATHS = (
    "inspect absent.nii",
    "convert absent.nii -o out.nii",
    "compress absent.nii -o out.vsl",
    "decompress absent.vsl -o out.nii",
    "verify absent.vsl",
    "cohort build auto absent -o out.jsonl",
    "cohort draw absent.jsonl -o out",
    "cohort split absent.jsonl -o out",
    "cohort audit absent.jsonl",
    "cohort shard absent.jsonl -o out",
    "phantom cine -o there",
    "phantom head-ct -o there",
    "phantom position -o there",
    "demo -o there",
    "train absent.yaml -o out",
    "train segment/hippocampus -o out data.manifest=absent.jsonl",
    "train finetune/cxr -o out data.manifest=there init_from=absent",
    "train detect/rsna --dry-run data.manifest=there data.encoder=absent",
    "predict absent there -o out",
    "predict segment/cine_unet absent.nii -o out",
    "embed absent there -o out",
    "embed detect/head_ct_phantom absent.nii -o out",
    "search absent query",
    "generate absent -o out --caption text",
    "generate generate/nuclei -o out --from absent.jsonl",
    "evaluate codec absent.nii -o out",
    "evaluate masks absent there -o out",
    "evaluate masks --generated absent.jsonl --quick red --real there -o out",
    "evaluate images absent there -o out",
    "evaluate classifier absent there -o out",
    "evaluate classifier detect/head_ct_phantom absent.jsonl -o out",
    "evaluate label-efficiency absent -o out",
    "evaluate label-efficiency finetune/cxr -o out data.manifest=absent.jsonl",
    "evaluate augmentation finetune/cxr absent.jsonl -o out data.manifest=there",
    "weights list absent",
    "weights import absent --layout dinov2 -o out",
    "weights fetch absent",
    "export absent -o out.onnx",
    "report absent",
    "app absent",
    "info --absent",
)
"""Commands that name a path, a model or an option that does not exist; the folder `there` does and is not empty."""
WRONG_KEYS = (
    "train detect/rsna -o out train.epoch=5",
    "train finetune/cxr -o out data.manifst=there",
    "train generate/nuclei -o out train.optimizer.lrr=1",
    "train segment/hippocampus -o out trian.epochs=5",
    "train simclr/cxr -o out train.epoch=5",
    "train tokenize/cycle --dry-run train.epoch=5",
    "train voco/hippocampus -o out train.epoch=5",
    "evaluate label-efficiency finetune/cxr -o out probe:train.epoch=5",
    "evaluate augmentation finetune/cxr there -o out train.epoch=5",
    "phantom cine -o out nosie=1",
)
"""Commands with a key that the configuration does not have."""


@dataclass(frozen=True)
class Times:
    """Least wall time until the first byte, and least processor time until the end, in seconds."""

    wall: float
    processor: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each command")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "there").mkdir()
        (Path(folder) / "there" / "file.txt").write_text("no scan\n")
        torch = times(["-c", "import torch; print(1)"], folder, runs)
        print(f"import torch: first output after {torch.wall:.2f} s, {torch.processor:.2f} s of processor time")
        print(f"ratios to it, wall and processor, least of {runs} runs")
        helps = [f"{verb} --help".strip() for verb in ("", *verbs())]
        worst = 0.0
        for title, commands in (("help", helps), ("wrong path", WRONG_PATHS), ("wrong key", WRONG_KEYS)):
            print(f"\n{title}")
            for command in commands:
                taken = times(["-m", "vesalius", *command.split()], folder, runs)
                ratio = taken.processor / torch.processor
                worst = max(worst, ratio) if title == "wrong path" else worst
                print(f"  {taken.wall / torch.wall:5.2f} {ratio:5.2f}  vesalius {command}", flush=True)
    print(f"\nlargest ratio of a wrong path, processor time: {worst:.2f} (goal: below {GOAL})")


def verbs() -> list[str]:
    """The verbs, each once, in the order of the wrong paths."""
    words = (command.split() for command in WRONG_PATHS)
    groups = ("cohort", "phantom", "evaluate", "weights")
    return list(dict.fromkeys(" ".join(word[: 2 if word[0] in groups else 1]) for word in words))


def times(words: list[str], folder: str, runs: int) -> Times:
    """Times of `python WORDS` in a folder."""
    taken = [_once(words, folder) for _ in range(runs + 1)][1:]
    return Times(min(one.wall for one in taken), min(one.processor for one in taken))


def _once(words: list[str], folder: str) -> Times:
    start, before = time.perf_counter(), os.times()
    command = [sys.executable, *words]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        wall = time.perf_counter() - start
        process.stdout.read()
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Times(wall, used)


if __name__ == "__main__":
    main()
