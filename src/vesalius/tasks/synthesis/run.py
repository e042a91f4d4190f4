"""`generate`: pictures of a caption, or an augmented cohort."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vesalius.arguments import PathLike, checked
from vesalius.cohort.manifest import SUFFIXES
from vesalius.config import read_table
from vesalius.errors import OutputError, UsageError
from vesalius.output import alone
from vesalius.scan.synthetic import MASKS
from vesalius.tasks.generate.generator import Generator
from vesalius.tasks.synthesis.alone import planned_alone
from vesalius.tasks.synthesis.cohort import check_manifest, notes_of, planned_of, source_of, write_lines
from vesalius.tasks.synthesis.masks import mask_of_file
from vesalius.tasks.synthesis.options import GenerateOptions
from vesalius.tasks.synthesis.produce import Produced, check_free, produce
from vesalius.tasks.synthesis.settings import SynthesisSettings, read_settings
from vesalius.training.device import on_cpu
from vesalius.wording import Progress, quiet

MANIFEST = "manifest.jsonl"
"""Name of the manifest in the folder of the pictures, where none is given."""


@dataclass(frozen=True)
class Generated:
    """The result of `generate`.

    Args:
        path: the folder of the pictures.
        model: name of the model.
        model_digest: of its weights.
        settings: of the sampling.
        made: number of pictures.
        skipped: number of those that were there already.
        pictures: {"path", "mask", "caption", "seed"} of each picture of a caption; no mask is None.
        manifest: of an augmented cohort; None for pictures of a caption.
        split: cases that an augmented cohort was made from, in words.
        notes: caveats.
        failed: {"path", "error"} of each picture that could not be made.
    """

    path: str
    model: str
    model_digest: str
    settings: dict[str, Any]
    made: int
    skipped: int
    pictures: list[dict[str, Any]]
    manifest: str | None
    split: str | None
    notes: list[str]
    failed: list[dict[str, str]]


@checked
@alone
def generate(
    model: str | Path,
    output: PathLike,
    *,
    caption: str | None = None,
    mask: PathLike | None = None,
    source: PathLike | None = None,
    per_case: int | None = None,
    manifest: PathLike | None = None,
    whole: bool = False,
    texts: PathLike | None = None,
    count: int | None = None,
    options: GenerateOptions | None = None,
    config: str | Path | None = None,
    device: str = "auto",
    force: bool = False,
    progress: Progress = quiet,
) -> Generated:
    """Make pictures of a caption (and a mask), or of each training case of a manifest; each file says that it is made.

    Args:
        model: a run, a model folder or a name of the zoo, of the task "generate".
        output: folder of the pictures; what an earlier run with the same settings finished there is skipped.
        caption: the picture in words; "" for anything.
        mask: file of a label map that the pictures follow.
        source: manifest whose training cases give masks, captions and labels, instead of `caption` and `mask`.
        per_case: pictures of each case; None: one.
        manifest: of the pictures of `source`, `.jsonl` or `.csv`; None: `manifest.jsonl` in the folder.
        whole: `source` has no splits, and all of its cases are for training.
        texts: file of label -> words, YAML or JSON: captions of cases that have labels and no caption.
        count: pictures of a caption.
        options: of the sampling and the files.
        config: file of settings, or `generate/sample`; `options` win over it.
        device: "auto", "cpu" or "cuda".
        force: replace other files of the same names.
        progress: callback that receives a line for each picture.

    Raises:
        ConfigError: a wrong setting.
        UsageError: the arguments do not fit each other or the model.
        InputError: no such model, or a file cannot be read.
        OutputError: another file is in the way, or cannot be written.
    """
    output = Path(output)
    mask = None if mask is None else Path(mask)
    source = None if source is None else Path(source)
    manifest = None if manifest is None else Path(manifest)
    texts = None if texts is None else Path(texts)
    if (caption is None) == (source is None):
        raise UsageError("give either a caption or a manifest", fix="pass --caption TEXT, or --from IN.jsonl")
    given = (options or GenerateOptions()).given | ({} if count is None else {"count": count})
    if texts is not None:
        given["texts"] = read_table(texts)
    settings = read_settings(config, given, progress)
    if output.exists() and not output.is_dir():
        raise OutputError("is a file, a folder is to be made there", where=output, fix="choose another name")
    generator = Generator(model, "cpu" if on_cpu(device) else "cuda")
    if caption is None:
        assert source is not None
        _refuse({"--mask": mask, "--count": count}, "--from")
        count_of_case = 1 if per_case is None else per_case
        return _cohort(generator, str(model), source, output, count_of_case, manifest, whole, settings, force, progress)
    of_cohorts = {"--manifest": manifest, "--whole": whole or None, "--text-of-label": texts, "--per-case": per_case}
    _refuse({**of_cohorts, "--area": given.get("area")}, "--caption")
    labels = None if mask is None else mask_of_file(mask)
    planned = list(planned_alone(generator, output, caption, labels, settings))
    if not force:
        check_free(planned)
    produced = produce(generator, planned, settings, force=force, progress=progress)
    pictures = [
        {
            "path": str(plan.path),
            "mask": None if labels is None else str(output / MASKS / plan.path.name),
            "caption": caption,
            "seed": plan.stamp.seed,
        }
        for plan in planned
        if plan.path in produced.done
    ]
    return _result(generator, output, settings, produced, pictures)


def lines(result: Generated) -> list[str]:
    """The result for people."""
    shown = [picture["path"] for picture in result.pictures]
    if result.manifest is not None:
        shown = [f"{result.made} pictures of {result.split}", f"wrote {result.manifest}"]
    skipped = [f"{result.skipped} pictures were there already"] if result.skipped else []
    notes = [f"note: {note}" for note in result.notes]
    return [*shown, *skipped, *notes, *(f"failed: {failure['error']}" for failure in result.failed)]


def _cohort(
    generator: Generator,
    model: str,
    source: Path,
    output: Path,
    per_case: int,
    manifest: Path | None,
    whole: bool,
    settings: SynthesisSettings,
    force: bool,
    progress: Progress,
) -> Generated:
    if per_case < 1:
        raise UsageError(f"{per_case} pictures of a case", where="--per-case", fix="give 1 or more")
    path = manifest or output / MANIFEST
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"a manifest ends in {' or '.join(SUFFIXES)}", where=path, fix="name it so")
    cases = source_of(source, model, whole=whole)
    progress(f"pictures are made from {cases.split}")
    both = list(planned_of(generator, cases, output, per_case, settings))
    planned, written = [plan for plan, _ in both], [line for _, line in both]
    if not force:
        check_manifest(path, written)
        check_free(planned)
    produced = produce(generator, planned, settings, force=force, progress=progress)
    done = [
        line.model_copy(update={"boxes": produced.done[plan.path]}) for plan, line in both if plan.path in produced.done
    ]
    if done:
        write_lines(done, output, path)
    notes = [*cases.notes, *notes_of(done, settings)]
    return _result(generator, output, settings, produced, [], str(path) if done else None, cases.split, notes)


def _result(
    generator: Generator,
    output: Path,
    settings: SynthesisSettings,
    produced: Produced,
    pictures: list[dict[str, Any]],
    manifest: str | None = None,
    split: str | None = None,
    notes: list[str] | None = None,
) -> Generated:
    return Generated(
        str(output),
        generator.name,
        generator.digest,
        settings.model_dump(mode="json"),
        produced.made,
        produced.skipped,
        pictures,
        manifest,
        split,
        notes or [],
        produced.failed,
    )


def _refuse(given: dict[str, Any], mode: str) -> None:
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"does not go with {mode}", where=name, fix="leave it out")
