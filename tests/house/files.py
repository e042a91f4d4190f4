"""The files of this repository, as the house rules see them."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def committed_files() -> list[Path]:
    """What git tracks or would add; outside a checkout, everything but hidden folders and build output."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    skipped = {"build", "dist", "site", "demo", "__pycache__"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not any(p in skipped or p.startswith(".venv") for p in path.relative_to(ROOT).parts)
    ]


def python_files(*folders: str) -> list[Path]:
    """The committed .py files below these folders of the repository, sorted."""
    wanted = tuple(ROOT / folder for folder in folders)
    found = (path for path in committed_files() if path.suffix == ".py")
    return sorted(path for path in found if any(path.is_relative_to(folder) for folder in wanted))


def shown(path: Path) -> str:
    """A path as people write it in this repository."""
    return path.relative_to(ROOT).as_posix()
