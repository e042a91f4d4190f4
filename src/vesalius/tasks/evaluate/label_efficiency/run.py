"""`evaluate label-efficiency` from start to end."""

from __future__ import annotations

from collections.abc import Sequence
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
from vesalius.tasks.evaluate.arms.engine import check_engine, train_cells
from vesalius.tasks.evaluate.arms.predictions import CellPredictions, check_same, in_rank_order
from vesalius.tasks.evaluate.label_efficiency.curve import Arm, curve
from vesalius.tasks.evaluate.label_efficiency.options import EfficiencyOptions
from vesalius.tasks.evaluate.label_efficiency.page import Comparison, notes, result_of, table
from vesalius.tasks.evaluate.label_efficiency.plan import CELLS, PATIENTS, Cell, CellPlan
from vesalius.tasks.evaluate.label_efficiency.trivial import trivial_predictions
from vesalius.tasks.train.jobs import CONFIGS, find_config
from vesalius.training.device import on_cpu
from vesalius.training.run_folder import begin
from vesalius.wording import Progress, quiet

_FILES = (CELLS, PATIENTS, SUMMARY, TABLE, FIGURES, PAGE)
_PACKAGES = ("numpy", "scikit-learn", "torch", "timm", "accelerate")
_WIDTH = 120


@dataclass(frozen=True)
class LabelEfficiency:
    """The result of `label_efficiency`.

    Args:
        path: the folder that was written.
        report: its page.
        results: every measure, JSON-able.
        table: of shares and arms.
        notes: caveats.
        failed: cells that could not be trained, {"path", "error"} each.
    """

    path: str
    report: str
    results: dict[str, Any]
    table: ReportTable
    notes: list[str]
    failed: list[dict[str, str]]


@checked
@alone
def label_efficiency(
    config: str | Path,
    output: PathLike,
    overrides: Sequence[str] = (),
    options: EfficiencyOptions | None = None,
    *,
    resume: bool = False,
    force: bool = False,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = quiet,
) -> LabelEfficiency:
    """Train a classifier on shares of the patients, from scratch and from pretrained weights, and compare.

    Every cell (share, arm, seed, fold) is a run of `train` in a folder below `output/cells`. Finished cells are kept,
    so an interrupted run goes on where it stopped, and shares and seeds can be added later.

    Args:
        config: a file, or the name of a configuration of finetune or detect that comes with the package.
        output: folder to write.
        overrides: "a.b=value"; "arm:a.b=value" for one arm only. {fold} stands for the number of the fold.
        options: shares, seeds, arms, ...
        resume: continue an earlier run with the same configuration; a new folder begins a new run.
        force: replace an earlier run.
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch in each cell; None: its own choice.
        progress: callback that receives a line for each cell.

    Raises:
        ConfigError: a wrong key or value, or one that differs from the run that is resumed.
        UsageError: the options do not fit each other or the cases, or no arm could be measured.
        InputError: a file is missing or damaged.
        MissingExtraError: Ray is not installed.
        OutputError: the folder holds something, or cannot be written.
    """
    output = Path(output)
    options = options or EfficiencyOptions()
    check_engine(options.engine)
    use_cpu = on_cpu(device)
    PartialState(cpu=use_cpu)
    threads = threads or torch.get_num_threads()
    plan = CellPlan(config, overrides, options)
    left_out = plan.left_out()
    cells = list(plan.cells(output))
    if not cells:
        what = f"no share can be trained: {next(iter(left_out.values()))}"
        raise UsageError(what, where="--shares", fix="choose larger shares, or a cohort with more patients")
    begin(output, plan.record, resume=resume, force=force, volatile=plan.volatile, files=_FILES)
    plan.write(output)
    path = find_config(config)
    shipped = str(config) if path.is_relative_to(CONFIGS) else str(path.resolve())
    trainings = {
        Training(
            shipped,
            (output / CELLS / cell.name).resolve(),
            cell.words,
            cell.budget,
            "cpu" if use_cpu else "cuda",
            threads,
            Path.cwd(),
        ): cell
        for cell in cells
    }
    names = {training: cell.name for training, cell in trainings.items()}
    failures = train_cells(names, progress, options.engine, options.address)
    progress("measuring")
    measured = _measure([cell for cell in cells if cell.name not in failures], failures, plan, output)
    command = command_line(
        "evaluate label-efficiency",
        shipped if path.is_relative_to(CONFIGS) else Path(config),
        "-o",
        output,
        *overrides,
        shares=",".join(f"{share:g}" for share in options.shares),
        seeds=",".join(map(str, options.seeds)),
        arms=",".join(options.arms),
        on=options.on,
        budget=options.budget,
    )
    shown = result_of(measured)
    publish(
        shown,
        output,
        title=f"{Path(config).stem} trained on fewer and fewer patients",
        task="evaluate label-efficiency",
        lead="What the model is worth when it learns from fewer patients.",
        made=made(command, threads, {"Engine": options.engine}, _PACKAGES),
    )
    failed = [{"path": name, "error": f"{name}: {reason}"} for name, reason in failures.items()]
    return LabelEfficiency(str(output), str(output / PAGE), shown.results, table(measured), notes(measured), failed)


def lines(result: LabelEfficiency) -> list[str]:
    """The result for people: the table, caveats, failures."""
    failed = [f"failed: {failure['error']}" for failure in result.failed]
    caveats = [f"note: {note}" for note in result.notes]
    return [*plain_text(result.table, _WIDTH).splitlines(), *caveats, *failed, f"open {result.report}"]


def _measure(cells: Sequence[Cell], failures: dict[str, str], plan: CellPlan, output: Path) -> Comparison:
    """Measure every arm whose seeds have all their folds."""
    parts: dict[Arm, dict[int, dict[int | None, CellPredictions]]] = {}
    owner_of = {name: owner for fold in plan.folds for name, owner in owners(plan.measured(fold)).items()}
    for cell in cells:
        predictions = CellPredictions.read(output / CELLS / cell.name, cell.fold, owner_of)
        predictions = in_rank_order(predictions, plan.activation)
        parts.setdefault((cell.percent, cell.arm), {}).setdefault(cell.seed, {})[cell.fold] = predictions
    for (percent, _), seeds in list(parts.items()):
        for seed, folds in seeds.items():
            for fold, like in folds.items():
                train, held_out = plan.training(percent, seed, fold), plan.measured(fold)
                for name, trivial in trivial_predictions(like, train, held_out, plan.activation).items():
                    parts.setdefault((percent, name), {}).setdefault(seed, {})[fold] = trivial
    whole = {
        arm: complete
        for arm, seeds in sorted(parts.items(), key=lambda item: item[0][0])
        if (
            complete := {
                seed: CellPredictions.joined([folds[fold] for fold in plan.folds])
                for seed, folds in seeds.items()
                if len(folds) == len(plan.folds)
            }
        )
    }
    if not whole:
        first = next(iter({**failures, **plan.left_out()}.values()), "folds are missing")
        raise UsageError(f"no arm could be measured: {first}", where=output)
    check_same({(arm, seed): each for arm, seeds in whole.items() for seed, each in seeds.items()}, output)
    points, differences = curve(plan.options.measure, whole, plan.options.arms[0])
    sample = next(iter(next(iter(whole.values())).values()))
    return Comparison(
        plan.options, cells, points, differences, Drawn.of(sample.owners), len(sample.keys), plan.left_out(), failures
    )
