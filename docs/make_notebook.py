"""Run the notebooks and keep their outputs: `make notebook`. A test runs them again and compares."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parent / "notebooks"
TIMEOUT_S = 600


def executed(path: Path, folder: Path) -> NotebookNode:
    """Return the notebook with the outputs of a fresh run, without anything that differs from run to run.

    Args:
        path: the notebook; it stays as it is.
        folder: where its relative paths begin.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    os.environ["MPLBACKEND"] = "agg"
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_S,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": folder}},
    )
    client.execute()
    notebook.metadata.language_info = {"name": "python"}  # not the version of this Python
    for data in (output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ())):
        if "image/jpeg" in data:
            data.pop("image/png", None)  # IPython stores a picture of Pillow twice
    return notebook


def main(paths: Sequence[str]) -> None:
    """Run these notebooks, or all of them, and write each in its place."""
    for path in map(Path, paths) if paths else sorted(NOTEBOOKS.glob("*.ipynb")):
        with TemporaryDirectory() as folder:
            notebook = executed(path, Path(folder))
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main(sys.argv[1:])
