"""The verb `embed`: a manifest becomes a store of vectors (`cohort.py`), a scan becomes plain files (`scan.py`)."""

from __future__ import annotations

from pathlib import Path

from vesalius.arguments import PathLike, checked
from vesalius.cohort.manifest import is_manifest
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.embed.cohort import EmbeddedCohort, cohort_lines, embed_cohort
from vesalius.tasks.embed.scan import Embedded, embed_scan, scan_lines
from vesalius.tasks.encode.options import EmbedOptions
from vesalius.wording import Progress, quiet


@checked
def embed(
    path: PathLike,
    output: PathLike,
    encoder: PathLike,
    options: EmbedOptions | None = None,
    *,
    reading: Reading = AS_STATED,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> Embedded | EmbeddedCohort:
    """Write the vectors that a frozen encoder gives.

    Args:
        path: a scan, or a manifest (`.jsonl`, `.csv`, shards).
        output: folder to make; one that holds the store of the same encoder is continued.
        encoder: a model with an encoder: model folder, run folder or zoo name.
        options: slices, window, pooling, drawing; None: every slice, as the encoder was trained.
        reading: choices where the files leave some open.
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch; None: its own choice.
        force: replace an older folder.
        progress: callback that receives a line now and then.

    Raises:
        InputError: the scan, the manifest or the encoder cannot be read, or no case of the manifest can.
        UsageError: an option that does not apply, or does not fit the encoder.
        MissingExtraError: a drawing needs a package that is not installed.
        OutputError: the folder holds something else or cannot be written.
    """
    path = Path(path)
    output = Path(output)
    run = embed_cohort if is_manifest(path) else embed_scan
    return run(
        path,
        output,
        str(encoder),
        options or EmbedOptions(),
        reading=reading,
        device=device,
        threads=threads,
        force=force,
        progress=progress,
    )


def lines(result: Embedded | EmbeddedCohort) -> list[str]:
    """The result for people."""
    return cohort_lines(result) if isinstance(result, EmbeddedCohort) else scan_lines(result)
