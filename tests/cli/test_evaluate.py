"""evaluate and report: what the command line hands on; the jobs have tests of their own."""

from pathlib import Path

import pytest

from vesalius.errors import InputError
from vesalius.report.page import Column, ReportTable
from vesalius.scan.reading import Reading
from vesalius.tasks.evaluate.augmentation.options import AugmentationOptions
from vesalius.tasks.evaluate.augmentation.run import AugmentationEvaluation
from vesalius.tasks.evaluate.codec.run import CodecEvaluation
from vesalius.tasks.evaluate.codec.summary import Summary
from vesalius.tasks.evaluate.masks.run import MaskEvaluation

pytestmark = pytest.mark.usefixtures("unchecked")


@pytest.fixture
def called(monkeypatch):
    """The arguments that evaluate_codec got."""
    seen = {}

    def evaluate_codec(paths, output, config, *, reading, threads, force, progress):
        progress("one study done")
        seen.update(paths=paths, output=output, threads=threads, force=force, reading=reading)
        seen.update(coders=config.coders, points=config.points, judge=config.judge)
        return CodecEvaluation(str(output), "page", Summary(()), [])

    monkeypatch.setattr("vesalius.tasks.evaluate.codec.run.evaluate_codec", evaluate_codec)
    monkeypatch.setattr("vesalius.tasks.evaluate.codec.run.lines", lambda result: [f"open {result.report}"])
    return seen


def test_evaluate_codec_hands_on_its_options(vesalius, called):
    done = vesalius(
        "evaluate",
        "codec",
        "a",
        "b",
        "-o",
        "out",
        "--coders",
        " svtav1, ,x265",
        "--points",
        "5",
        "--threads",
        "3",
        "--force",
        "--judge",
        "segment/some",
        "--spacing-from",
        "pixdim",
    )
    assert (done.code, done.out, done.err) == (0, "open page\n", "one study done\n")
    assert called == {
        "paths": [Path("a"), Path("b")],
        "output": Path("out"),
        "coders": ("svtav1", "x265"),
        "points": 5,
        "threads": 3,
        "force": True,
        "judge": "segment/some",
        "reading": Reading(spacing_from="pixdim"),
    }


def test_evaluate_codec_speaks_json_and_can_be_quiet(vesalius, called):
    done = vesalius("evaluate", "codec", "a", "-o", "out", "--json", "-q")
    told = {"path": "out", "report": "page", "results": {"data_sets": []}, "failed": [], "limits": [], "claims": False}
    told |= {"notes": []}
    assert (done.told, done.err) == (told, "")
    assert (called["force"], called["points"], called["judge"]) == (False, 8, None)


def test_report_is_made_again(vesalius, monkeypatch):
    monkeypatch.setattr("vesalius.report.web_page.run_report", lambda run: run / "report.html")
    assert vesalius("report", "some").out == f"{Path('some') / 'report.html'}\n"
    assert vesalius("report", "some", "--json").told == {"path": str(Path("some") / "report.html")}


def test_failures_are_one_line(vesalius, monkeypatch, tmp_path):
    def run_report(run):
        raise InputError("has no summary.json", where=run)

    monkeypatch.setattr("vesalius.report.web_page.run_report", run_report)
    assert vesalius("report", tmp_path).error == f"{tmp_path}: has no summary.json"


@pytest.fixture
def masks_called(monkeypatch):
    """The arguments that evaluate_masks got."""
    seen = {}

    def evaluate_masks(predicted, reference, output, *, classes, objects, lv, split, reading, force, progress):
        progress("one mask done")
        seen.update(paths=(predicted, reference), output=output, classes=classes, lv=lv, split=split, force=force)
        seen.update(reading=reading, objects=objects)
        return MaskEvaluation(output, output, None, [{"path": "x", "error": "x: no predicted mask"}])

    monkeypatch.setattr("vesalius.tasks.evaluate.masks.run.evaluate_masks", evaluate_masks)
    monkeypatch.setattr("vesalius.tasks.evaluate.masks.run.lines", lambda result: [f"{len(result.failed)} failed"])
    return seen


def test_evaluate_masks_hands_on_its_options_and_tells_failures_by_2(vesalius, masks_called):
    words = ["a", "b", "-o", "out", "--classes", "1=RV,3=LV", "--lv", "3", "--split", "test", "--force"]
    words += ["--spacing-from", "sform"]
    done = vesalius("evaluate", "masks", *words)
    assert (done.code, done.out, done.err) == (2, "1 failed\n", "one mask done\n")
    assert masks_called == {
        "paths": (Path("a"), Path("b")),
        "output": Path("out"),
        "classes": {1: "RV", 3: "LV"},
        "objects": None,
        "lv": 3,
        "split": "test",
        "force": True,
        "reading": Reading(spacing_from="sform"),
    }


def test_evaluate_masks_speaks_json(vesalius, masks_called):
    done = vesalius("evaluate", "masks", "a", "b", "-o", "out", "--objects", "nucleus", "--json", "-q")
    assert (done.told["path"], done.err) == ("out", "")
    assert (masks_called["classes"], masks_called["lv"], masks_called["split"]) == (None, None, None)
    assert masks_called["objects"] == "nucleus"


def test_evaluate_masks_refuses_odd_classes(vesalius):
    assert "'RV' is not LABEL=NAME" in vesalius("evaluate", "masks", "a", "b", "-o", "out", "--classes", "RV").error


def test_evaluate_classifier_hands_on_its_options(vesalius, monkeypatch):
    seen = {}

    from vesalius.tasks.evaluate.classifier import EvaluatedClassifier

    def evaluate_classifier(model, cohort, output, options, *, progress, **more):
        progress("measuring")
        seen.update(model=model, cohort=cohort, output=output, **vars(options), **more)
        return EvaluatedClassifier(str(output), "report.html", {})

    monkeypatch.setattr("vesalius.tasks.evaluate.classifier.evaluate_classifier", evaluate_classifier)
    monkeypatch.setattr("vesalius.tasks.evaluate.classifier.lines", lambda result: [result.path])
    words = ["m", "c.csv", "-o", "out", "--split", "test", "--skip-invalid", "--cache", "k", "--device", "cpu"]
    done = vesalius("evaluate", "classifier", *words, "--threads", "3", "--force")
    assert (done.code, done.out, done.err) == (0, "out\n", "measuring\n")
    assert seen == {
        "model": "m",
        "cohort": Path("c.csv"),
        "output": Path("out"),
        "embeddings": None,
        "labels": None,
        "patients": None,
        "studies": None,
        "split": "test",
        "skip_invalid": True,
        "cache": Path("k"),
        "device": "cpu",
        "threads": 3,
        "force": True,
    }
    words = ["--embeddings", "x.npy", "--labels", "y.npy", "--patients", "p.npy", "--studies", "s.npy"]
    done = vesalius("evaluate", "classifier", "m", "-o", "out", *words, "--json", "-q")
    assert (done.told["path"], done.err) == ("out", "")
    assert (seen["cohort"], seen["embeddings"], seen["labels"]) == (None, Path("x.npy"), Path("y.npy"))
    assert (seen["patients"], seen["studies"]) == (Path("p.npy"), Path("s.npy"))


def test_evaluate_classifier_refuses_in_one_line(vesalius, tmp_path):
    assert (
        "is a model for segment, not a classifier"
        in vesalius("evaluate", "classifier", "segment/cine_unet", "c.csv", "-o", tmp_path / "out").error
    )


def test_evaluate_label_efficiency_hands_on_its_options_and_tells_failures_by_2(vesalius, monkeypatch):
    seen = {}

    from vesalius.report.page import ReportTable
    from vesalius.tasks.evaluate.label_efficiency.run import LabelEfficiency

    def label_efficiency(config, output, overrides, options, *, progress, **more):
        progress("1 of 2 cells")
        seen.update(config=config, output=output, overrides=overrides, **vars(options), **more)
        failed = [{"path": "cell", "error": "cell: loss is nan"}]
        return LabelEfficiency(str(output), "report.html", {}, ReportTable(columns=[], rows=[]), [], failed)

    monkeypatch.setattr("vesalius.tasks.evaluate.label_efficiency.run.label_efficiency", label_efficiency)
    monkeypatch.setattr("vesalius.tasks.evaluate.label_efficiency.run.lines", lambda result: [result.path])
    words = ["c.yaml", "init_from=m", "probe:batch=4", "-o", "out", "--shares", "1,33.3", "--seeds", "4", "--resume"]
    words += ["--arms", "scratch,probe", "--on", "folds", "--budget", "epochs", "--measure", "auprc", "--threads", "2"]
    words += ["--engine", "ray", "--address", "auto", "--device", "cpu"]
    done = vesalius("evaluate", "label-efficiency", *words)
    assert (done.code, done.out, done.err) == (2, "out\n", "")
    assert seen == {
        "config": "c.yaml",
        "output": Path("out"),
        "overrides": ["init_from=m", "probe:batch=4"],
        "shares": (1.0, 33.3),
        "seeds": (4,),
        "arms": ("scratch", "probe"),
        "on": "folds",
        "budget": "epochs",
        "measure": "auprc",
        "engine": "ray",
        "address": "auto",
        "resume": True,
        "force": False,
        "device": "cpu",
        "threads": 2,
    }


def test_evaluate_augmentation_hands_on_its_options(vesalius, monkeypatch):
    seen = {}

    def evaluate_augmentation(config, synthetic, output, overrides, options, *, progress, **arguments):
        seen.update(arguments, config=config, synthetic=synthetic, output=output, overrides=overrides, options=options)
        table = ReportTable(columns=[Column(name="arm")], rows=[["real only"]], caption="Intervals by patient.")
        return AugmentationEvaluation(str(output), "page", {}, ["Synthetic pictures do not help."], table, [], [])

    monkeypatch.setattr("vesalius.tasks.evaluate.augmentation.run.evaluate_augmentation", evaluate_augmentation)
    words = [
        "-o",
        "out",
        "data.manifest=m.jsonl",
        "--arms",
        "real,synthetic",
        "--seeds",
        "0,1",
        "--measure",
        "accuracy",
    ]
    done = vesalius("evaluate", "augmentation", "finetune/x", "made.jsonl", *words, "--resume", "--threads", "2")
    assert done.code == 0
    assert "Synthetic pictures do not help.\nopen page\n" in done.out
    assert seen == {
        "config": "finetune/x",
        "synthetic": Path("made.jsonl"),
        "output": Path("out"),
        "overrides": ["data.manifest=m.jsonl"],
        "options": AugmentationOptions(("real", "synthetic"), (0, 1), "accuracy"),
        "resume": True,
        "force": False,
        "device": "auto",
        "threads": 2,
    }
