"""evaluate codec, masks, images, classifier, label-efficiency, augmentation; report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli import complete
from vesalius.cli.options import Force, Json, OnDevice, Paths, Quiet, Threads, needs_torch, with_options
from vesalius.cli.show import emit, progress
from vesalius.errors import UsageError
from vesalius.memory import cores
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.evaluate.augmentation.options import AugmentationOptions
from vesalius.tasks.evaluate.classifier_options import ClassifierOptions
from vesalius.tasks.evaluate.codec.config import CodecEvaluationConfig
from vesalius.tasks.evaluate.images.options import QualityOptions
from vesalius.tasks.evaluate.label_efficiency.options import EfficiencyOptions, without_arm
from vesalius.tasks.evaluate.masks.structure_options import StructureOptions

app = typer.Typer(help="Measure, and write an honest report.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def evaluate() -> None:
    """Measure, and write an honest report."""


@app.command()
@with_options(without={"lossless"})
def codec(
    paths: Paths,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for summary.json, table.csv, report.html.")],
    config: CodecEvaluationConfig,
    reading: Reading = AS_STATED,
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare coders on your scans: bytes, quality, time.

    Each measure is given for the whole field, and near the heart where ED and ES masks are known.
    A judge is a model folder, a run folder or a name of the zoo that took no part in the training of a coder.

    Examples:
        vesalius evaluate codec studies/ -o codec
        vesalius evaluate codec cine.nii.gz -o codec --coders jpeg2000,x265 --points 4
    """
    from vesalius.tasks.early import check_any_there, check_model

    check_any_there(paths)
    check_model(config.judge)
    from vesalius.tasks.evaluate.codec.run import evaluate_codec, lines

    result = evaluate_codec(
        paths, output, config, reading=reading, threads=threads, force=force, progress=progress(quiet)
    )
    emit(result, json, lines)


@app.command()
@with_options()
def masks(
    predicted: Annotated[
        Path | None,
        typer.Argument(metavar="PREDICTED", help="A mask, a folder of masks, or a manifest.", show_default=False),
    ] = None,
    reference: Annotated[
        Path | None, typer.Argument(metavar="REFERENCE", help="The same, drawn by readers.", show_default=False)
    ] = None,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Folder for summary.json, table.csv, report.html.", show_default=False),
    ] = ...,  # type: ignore[assignment]
    classes: Annotated[
        str | None,
        typer.Option("--classes", metavar="N=NAME,...", help="Labels to measure, by name.", show_default="all labels"),
    ] = None,
    objects: Annotated[
        str | None,
        typer.Option(
            "--objects", metavar="NAME", help="Labels number objects (cells): all are one class of this name."
        ),
    ] = None,
    lv: Annotated[
        int | None,
        typer.Option("--lv", metavar="N", help="Label of the LV cavity: EF too.", show_default="the class called LV"),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="NAME", help="Only this split of REFERENCE or of --real, a manifest."),
    ] = None,
    reading: Reading = AS_STATED,
    structure: StructureOptions = StructureOptions(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure predicted label masks against reference masks: Dice, distances, volumes, EF.

    Masks belong together by file name, or by case in a manifest, and must lie on one grid. Per patient, with intervals.
    With --generated, --judge and --real instead: the masks that a segmenter finds in generated pictures, against those
    that they were made from, beside its Dice on real pictures.

    Examples:
        vesalius evaluate masks predicted/ reference/ -o masks --classes 1=RV,2=MYO,3=LV
        vesalius evaluate masks --generated pictures/manifest.jsonl --judge nuclei-run/ --real test.jsonl -o obeyed
    """
    from vesalius.tasks.early import check_free, check_model, check_there

    if structure.generated is not None:
        if predicted is not None or reference is not None or classes or objects or lv is not None:
            what = "takes neither PREDICTED and REFERENCE nor their labels: the judge has names for them"
            raise UsageError(what, where="--generated", fix="leave them out")
        needs_torch()
        check_free(output, force=force)
        check_model(structure.judge)
        check_there(structure.generated, structure.real)
        from vesalius.tasks.evaluate.masks.obeyed import evaluate_structure
        from vesalius.tasks.evaluate.masks.obeyed import lines as structure_lines

        judged = evaluate_structure(structure, output, split=split, force=force, progress=progress(quiet))
        emit(judged, json, structure_lines)
        return
    if predicted is None or reference is None:
        what = "predicted and reference masks are needed"
        raise UsageError(what, where="evaluate masks", fix="name both, or pass --generated MANIFEST")
    check_free(output, force=force)
    check_there(predicted, reference)
    from vesalius.tasks.evaluate.masks.classes import parse_classes
    from vesalius.tasks.evaluate.masks.run import evaluate_masks, lines

    names = parse_classes(classes) if classes else None
    result = evaluate_masks(
        predicted,
        reference,
        output,
        classes=names,
        objects=objects,
        lv=lv,
        split=split,
        reading=reading,
        force=force,
        progress=progress(quiet),
    )
    emit(result, json, lines)


@app.command()
@with_options()
def images(
    generated: Annotated[
        Path,
        typer.Argument(metavar="GENERATED", help="A folder of pictures, or a manifest.", show_default=False),
    ],
    reference: Annotated[
        Path,
        typer.Argument(metavar="REFERENCE", help="Real pictures that the generator did not see.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for summary.json, table.csv, report.html.")],
    options: QualityOptions = QualityOptions(),
    device: OnDevice = "auto",
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare generated with real pictures: KID, FID, precision and recall, memorisation; PSNR and SSIM of pairs.

    FID needs 2,000 pictures a side. Intervals are over source pictures: the patient, or the real picture that a
    generated one was made from (fact source of its case).

    Examples:
        vesalius evaluate images pictures/ real/ -o quality
        vesalius evaluate images pictures/ splits/manifest.jsonl --split test --train splits/manifest.jsonl -o quality
    """
    needs_torch()
    from vesalius.tasks.early import check_free, check_model, check_there

    check_free(output, force=force)
    check_there(generated, reference, options.train)
    check_model(options.model)
    from vesalius.tasks.evaluate.images.run import evaluate_images, lines

    result = evaluate_images(
        generated, reference, output, options, device=device, threads=threads, force=force, progress=progress(quiet)
    )
    emit(result, json, lines)


@app.command()
@with_options()
def classifier(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            autocompletion=complete.models,
            help="A run of train detect/... or finetune/..., or a zoo name.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for summary.json, table.csv, report.html.")],
    cohort: Annotated[
        Path | None,
        typer.Argument(metavar="COHORT", help="A manifest, or a table of series.", show_default=False),
    ] = None,
    options: ClassifierOptions = ClassifierOptions(),
    device: OnDevice = "auto",
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a classifier on another labelled cohort: AUROC, decisions, calibration.

    Thresholds and temperature are those stored with the model; nothing is chosen on the cohort.

    Examples:
        vesalius evaluate classifier detect/head_ct_phantom cohort.jsonl -o tested
        vesalius evaluate classifier run/ splits/manifest.jsonl --split test -o tested
    """
    needs_torch()
    from vesalius.tasks.early import check_free, check_model, check_there

    check_free(output, force=force)
    check_model(model)
    check_there(cohort, options.embeddings)
    from vesalius.tasks.evaluate.classifier import evaluate_classifier, lines

    result = evaluate_classifier(
        model, cohort, output, options, device=device, threads=threads, force=force, progress=progress(quiet)
    )
    emit(result, json, lines)


@app.command("label-efficiency")
@with_options()
def label_efficiency(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG",
            autocompletion=complete.configs,
            help="Of finetune or detect: a file, or a name of vesalius info.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the cells and the report.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[a.b=value]...",
            autocompletion=complete.overrides,
            help="Keys to override, init_from=RUN above all.",
            show_default=False,
        ),
    ] = None,
    options: EfficiencyOptions = EfficiencyOptions(),
    resume: Annotated[bool, typer.Option("--resume", help="Go on: finished cells are kept.")] = False,
    device: OnDevice = "auto",
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on 1, 3, 10, 33, 100 % of the patients: from scratch, pretrained, linear probe.

    arm:a.b=value overrides a key of one arm only, e.g. probe:train.optimizer.lr=0.01. {fold} in a value stands for the
    number of the fold, e.g. init_from=pretrained/{fold}. A Ray cluster needs DIR and the data on all its machines.

    Examples:
        vesalius evaluate label-efficiency finetune/cxr -o curve data.manifest=xrays.jsonl init_from=pretrained
        vesalius evaluate label-efficiency finetune/cxr -o curve data.manifest=xrays.jsonl --arms scratch --shares 100
    """
    needs_torch()
    from vesalius.tasks.early import check_run

    check_run(config, [without_arm(word) for word in overrides or ()])
    from vesalius.tasks.evaluate.label_efficiency.run import label_efficiency as run
    from vesalius.tasks.evaluate.label_efficiency.run import lines

    result = run(
        config,
        output,
        overrides or (),
        options,
        resume=resume,
        force=force,
        device=device,
        threads=threads,
        progress=progress(quiet),
    )
    emit(result, json, lines)


@app.command()
@with_options()
def augmentation(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG",
            autocompletion=complete.configs,
            help="Of finetune: a file, or a name of vesalius info.",
            show_default=False,
        ),
    ],
    synthetic: Annotated[
        Path,
        typer.Argument(metavar="SYNTHETIC", help="Manifest of vesalius generate --from.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the cells and the report.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[a.b=value]...",
            autocompletion=complete.overrides,
            help="Keys to override, data.manifest=REAL above all.",
            show_default=False,
        ),
    ] = None,
    options: AugmentationOptions = AugmentationOptions(),
    resume: Annotated[bool, typer.Option("--resume", help="Go on: finished cells are kept.")] = False,
    device: OnDevice = "auto",
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Is it worth it? Train a classifier on real pictures, with classical augmentation, with synthetic ones.

    Each arm takes the same number of steps and is measured on the real test split, over several seeds. SYNTHETIC must
    have been made from the training split of REAL.

    Examples:
        vesalius evaluate augmentation finetune/cxr synthetic.jsonl -o worth data.manifest=real.jsonl
        vesalius evaluate augmentation finetune/cxr synthetic.jsonl -o worth data.manifest=real.jsonl --seeds 0,1
    """
    needs_torch()
    from vesalius.tasks.early import check_run, check_there

    check_run(config, overrides or ())
    check_there(synthetic)
    from vesalius.tasks.evaluate.augmentation.run import evaluate_augmentation, lines

    result = evaluate_augmentation(
        config,
        synthetic,
        output,
        overrides or (),
        options,
        resume=resume,
        force=force,
        device=device,
        threads=threads,
        progress=progress(quiet),
    )
    emit(result, json, lines)


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder with summary.json.", show_default=False)],
    json: Json = False,
) -> None:
    """Make report.html again from a run folder.

    Examples:
        vesalius report run/
        vesalius report run/ --json
    """
    from vesalius.tasks.early import check_there

    check_there(run)
    from vesalius.report.web_page import run_report

    emit({"path": str(run_report(run))}, json, lambda result: [result["path"]])
