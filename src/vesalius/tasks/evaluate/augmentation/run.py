"""`evaluate augmentation` from start to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState

from vesalius.arguments import PathLike, checked
from vesalius.cohort.groups import owners
from vesalius.errors import UsageError
from vesalius.metrics.drawn import Drawn
from vesalius.output import alone
from vesalius.report.page import FIGURES, PAGE, SUMMARY, TABLE, ReportTable
from vesalius.report.publish import command_line, made, publish
from vesalius.report.table import plain_text
from vesalius.tasks.evaluate.arms.cell import Training
from vesalius.tasks.evaluate.arms.engine import train_cells
from vesalius.tasks.evaluate.arms.measures import of_calls, within_folds
from vesalius.tasks.evaluate.arms.predictions import CellPredictions, check_same, in_rank_order
from vesalius.tasks.evaluate.augmentation.effect import Score, effects
from vesalius.tasks.evaluate.augmentation.options import AugmentationMeasure, AugmentationOptions
from vesalius.tasks.evaluate.augmentation.page import PAIRS, Augmentation, notes, result_of, sentences, table
from vesalius.tasks.evaluate.augmentation.plan import CASES, CELLS, ArmCell, AugmentationPlan
from vesalius.tasks.train.jobs import CONFIGS, find_config
from vesalius.training.device import on_cpu
from vesalius.training.run_folder import begin
from vesalius.wording import Progress, quiet

_FILES = (CELLS, CASES, SUMMARY, TABLE, FIGURES, PAGE)
_PACKAGES = ("numpy", "scikit-learn", "torch", "timm", "accelerate")
_WIDTH = 140


@dataclass(frozen=True)
class AugmentationEvaluation:
    """The result of `evaluate_augmentation`.

    Args:
        path: the folder that was written.
        report: its page.
        results: every measure, JSON-able.
        sentences: what each difference says.
        table: of the arms.
        notes: caveats.
        failed: cells that could not be trained, {"path", "error"} each.
    """

    path: str
    report: str
    results: dict[str, Any]
    sentences: list[str]
    table: ReportTable
    notes: list[str]
    failed: list[dict[str, str]]


@checked
@alone
def evaluate_augmentation(
    config: str | Path,
    synthetic: PathLike,
    output: PathLike,
    overrides: Sequence[str] = (),
    options: AugmentationOptions | None = None,
    *,
    resume: bool = False,
    force: bool = False,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = quiet,
) -> AugmentationEvaluation:
    """Train a classifier with and without synthetic pictures, and say whether they are worth it.

    Every cell (arm, seed) is a run of `train` in a folder below `output/cells`. Finished cells are kept, so an
    interrupted run goes on where it stopped, and arms and seeds can be added later.

    Args:
        config: a file, or the name of a configuration of finetune that comes with the package.
        synthetic: manifest of `vesalius generate --from`, made from the training split of the real cases.
        output: folder to write.
        overrides: "a.b=value"; `data.manifest=REAL` above all, a manifest with splits.
        options: arms, seeds, measure.
        resume: continue an earlier run with the same configuration; a new folder begins a new run.
        force: replace an earlier run.
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch in each cell; None: its own choice.
        progress: callback that receives a line for each cell.

    Raises:
        ConfigError: a wrong key or value, or one that differs from the run that is resumed.
        UsageError: the options do not fit each other or the cases, synthetic cases come from held-out ones, or no arm
            could be measured.
        InputError: a file is missing or damaged.
        OutputError: the folder holds something, or cannot be written.
    """
    synthetic = Path(synthetic)
    output = Path(output)
    options = options or AugmentationOptions()
    use_cpu = on_cpu(device)
    PartialState(cpu=use_cpu)
    threads = threads or torch.get_num_threads()
    plan = AugmentationPlan(config, synthetic, overrides, options)
    begin(output, plan.record, resume=resume, force=force, volatile=plan.volatile, files=_FILES)
    plan.write(output)
    path = find_config(config)
    is_shipped = path.is_relative_to(CONFIGS)
    named = str(config) if is_shipped else str(path.resolve())
    cells = list(plan.cells(output))
    trainings = {
        Training(
            named,
            (output / CELLS / cell.name).resolve(),
            cell.words,
            cell.length,
            "cpu" if use_cpu else "cuda",
            threads,
            Path.cwd(),
        ): cell.name
        for cell in cells
    }
    failures = train_cells(trainings, progress)
    progress("measuring")
    found = _measured([cell for cell in cells if cell.name not in failures], failures, plan, output)
    command = command_line(
        "evaluate augmentation",
        str(config) if is_shipped else Path(config),
        synthetic,
        "-o",
        output,
        *overrides,
        arms=",".join(options.arms),
        seeds=",".join(map(str, options.seeds)),
        measure=options.measure,
    )
    shown = result_of(found)
    publish(
        shown,
        output,
        title=f"{Path(config).stem} trained with and without {Path(synthetic).name}",
        task="evaluate augmentation",
        lead="Whether a classifier gets better when it also learns from synthetic pictures.",
        made=made(command, threads, {}, _PACKAGES),
    )
    failed = [{"path": name, "error": f"{name}: {reason}"} for name, reason in failures.items()]
    return AugmentationEvaluation(
        str(output), str(output / PAGE), shown.results, sentences(found), table(found), notes(found), failed
    )


def lines(result: AugmentationEvaluation) -> list[str]:
    """The result for people: the table, the plain sentences, caveats, failures."""
    failed = [f"failed: {failure['error']}" for failure in result.failed]
    caveats = [f"note: {note}" for note in result.notes]
    shown = plain_text(result.table, _WIDTH).splitlines()
    return [*shown, *result.sentences, *caveats, *failed, f"open {result.report}"]


def _measured(
    cells: Sequence[ArmCell], failures: Mapping[str, str], plan: AugmentationPlan, output: Path
) -> Augmentation:
    owner_of = owners(plan.parts["test"])
    predictions: dict[str, dict[int, CellPredictions]] = {arm: {} for arm in plan.options.arms}
    for cell in cells:
        read = CellPredictions.read(output / CELLS / cell.name, None, owner_of)
        predictions[cell.arm][cell.seed] = in_rank_order(read, plan.activation)
    predictions = {arm: seeds for arm, seeds in predictions.items() if seeds}
    if not predictions:
        raise UsageError(f"no arm could be measured: {next(iter(failures.values()), 'no cell ended')}", where=output)
    check_same({(arm, seed): one for arm, seeds in predictions.items() for seed, one in seeds.items()}, output)
    measures, gains = effects(_score(plan.options.measure), predictions, PAIRS)
    sample = next(iter(next(iter(predictions.values())).values()))
    return Augmentation(
        plan.options,
        {arm: plan.counts(arm) for arm in predictions},
        plan.length.steps,
        measures,
        gains,
        Drawn.of(sample.owners),
        len(sample.keys),
        plan.notes,
        failures,
    )


def _score(measure: AugmentationMeasure) -> Score:
    if measure == "auroc" or measure == "auprc":
        return lambda one, rows: within_folds(measure, one.logits_SC[rows], one.labels_SC[rows], one.folds_S[rows])
    return lambda one, rows: of_calls(measure, one.logits_SC[rows], one.labels_SC[rows])
