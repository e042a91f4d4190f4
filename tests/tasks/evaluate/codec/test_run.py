import csv
import json

import nibabel as nib
import numpy as np
import pytest

from tasks.evaluate.codec.fake import STEPS, FakeCodec, write_cohort
from tasks.evaluate.codec.test_judge import model
from vesalius.errors import InputError, OutputError, UsageError
from vesalius.json_values import as_json
from vesalius.report.web_page import run_report
from vesalius.tasks.evaluate.codec.config import CodecEvaluationConfig
from vesalius.tasks.evaluate.codec.results import COLUMNS
from vesalius.tasks.evaluate.codec.run import evaluate_codec, lines


def evaluate(paths, output, codec=None, **options):
    settings = {"coders": ("svtav1",), "lossless": ("jpegxl",), "points": 2}
    names = ("coders", "lossless", "points", "judge", "claims")
    settings |= {name: options.pop(name) for name in names if name in options}
    config = CodecEvaluationConfig(**settings)
    return evaluate_codec(paths, output, config, codec=codec or FakeCodec(), **{"threads": 1, **options})


def test_the_whole_command(tmp_path):
    cohort, output = write_cohort(tmp_path / "cohort"), tmp_path / "run"
    nib.save(nib.Nifti1Image(np.arange(512, dtype=np.int16).reshape(8, 8, 8), np.eye(4)), tmp_path / "lone.nii")
    result = evaluate([cohort, tmp_path / "lone.nii"], output, coders=("svtav1", "x265"))
    assert result.failed == []
    with (output / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert {row["study"] for row in rows} == {"patient001", "patient002", "lone"}
    assert {row["coder"] for row in rows} == {"svtav1", "x265", "jpegxl", "zstd-19", "gzip-9", "gzip-6"}
    summary = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    assert summary["results"] == as_json(result.results)
    page = (output / "report.html").read_text(encoding="utf-8")
    assert str(tmp_path) not in page + json.dumps(summary)
    before = (output / "report.html").read_bytes()
    assert run_report(output).read_bytes() == before
    assert not [path for path in output.rglob("*") if ".part" in path.name]


def test_a_coder_with_one_rate_point(tmp_path):
    """Tokens and autoencoders have no ladder: they are measured at their rate, without BD-rate."""
    cohort, output = write_cohort(tmp_path / "cohort"), tmp_path / "run"
    codec = FakeCodec({"svtav1": 1.0, "tokens": 0.5})
    result = evaluate([cohort], output, codec, coders=("svtav1", "tokens"), points=3)
    assert [step for coder, step in codec.calls if coder == "tokens"] == [STEPS[18]] * 2
    tokens = next(one for one in result.results.data_sets[0].of("whole") if one.coder == "tokens")
    with (output / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["coder"] == "tokens"]
    assert tokens.single.ratio.mean == pytest.approx(np.mean([float(row["ratio"]) for row in rows]))
    assert tokens.single.psnr_db.mean == pytest.approx(np.mean([float(row["psnr_db"]) for row in rows]))
    assert tokens.delta_rate == {}
    page = (output / "report.html").read_text(encoding="utf-8")
    for text in (page, "\n".join(lines(result))):
        assert "coders with one rate point" in text
        assert "tokens has one rate point: no BD-rate" in text
    alone = evaluate([cohort], tmp_path / "alone", codec, coders=("tokens",), points=1)
    assert alone.results.data_sets[0].coders[0].single is not None


def test_two_studies_of_a_patient_are_one_patient(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    places = [f"patient00{number}/patient00{number}_4d.nii.gz" for number in (1, 2)]
    lines_of = [{"id": f"s{n}", "patient": "secret", "images": {"image": place}} for n, place in enumerate(places)]
    (cohort / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines_of))
    (data_set,) = evaluate([cohort / "m.jsonl"], tmp_path / "run").results.data_sets
    assert (data_set.studies, data_set.patients, data_set.intervals) == (("s0", "s1"), 1, "by patient")
    written = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert not any(b"secret" in path.read_bytes() for path in written)


def test_lines_for_people(tmp_path):
    cohort = write_cohort(tmp_path / "cohort", patients=1, masks=False)
    result = evaluate([cohort], tmp_path / "run", coders=("svtav1", "x265"))
    text = "\n".join(lines(result))
    for words in (
        "cohort: mean of 1 study",
        "ratio at 40 dB",
        "against x265",
        "bytes per frame on disk",
        "Peak: p99.9",
    ):
        assert words in text
    assert text.isascii()


def test_notes_about_studies_are_on_the_page_and_in_the_lines(tmp_path):
    cohort, codec = write_cohort(tmp_path / "cohort"), FakeCodec()
    codec.foreign = "svtav1"
    result = evaluate([cohort], tmp_path / "run", codec, claims=True)
    note = "patient001, patient002: trained on another modality."
    assert f"note: {note}" in lines(result)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert page.count(note) == 1
    assert "--coders svtav1 --points 2 --claims" in page


def test_one_bad_study_does_not_stop_the_others(tmp_path):
    cohort, output = write_cohort(tmp_path / "cohort", masks=False), tmp_path / "run"
    damaged = cohort / "patient001" / "patient001_4d.nii.gz"
    good = damaged.read_bytes()
    damaged.write_bytes(good[:200])
    codec = FakeCodec()
    result = evaluate([cohort], output, codec)
    assert [one["path"] for one in result.failed] == ["cohort/patient001"]
    assert any(line.startswith("failed: ") for line in lines(result))
    assert str(tmp_path) not in (output / "summary.json").read_text(encoding="utf-8")
    measured = len(codec.calls)
    damaged.write_bytes(good)
    again = evaluate([cohort], output, codec)
    assert again.failed == []
    assert {call for call in codec.calls[measured:]} != set()
    assert len(codec.calls) < 2 * measured + 12  # patient002 was not measured again
    with pytest.raises(OutputError, match="exists"):
        evaluate([cohort], output, codec)


def test_a_stopped_run_goes_on(tmp_path):
    cohort, output = write_cohort(tmp_path / "cohort", masks=False), tmp_path / "run"

    class Stopped(FakeCodec):
        finished = False

        def lossless(self, scan, coder, threads):
            self.finished = True
            return super().lossless(scan, coder, threads)

        def lossy(self, scan, coder, step, threads):
            if self.finished:
                raise KeyboardInterrupt
            return super().lossy(scan, coder, step, threads)

    stopped = Stopped()
    with pytest.raises(KeyboardInterrupt):
        evaluate([cohort], output, stopped)
    done = [path.stem for path in (output / "measured").iterdir()]
    told, codec = [], FakeCodec()
    result = evaluate([cohort], output, codec, progress=told.append)
    assert len([line for line in told if "measured before" in line]) == len(done) == 1
    assert result.failed == []
    assert result.results.data_sets[0].studies == ("patient001", "patient002")


def test_what_was_measured_otherwise_is_measured_again(tmp_path):
    cohort, output = write_cohort(tmp_path / "cohort", patients=1, masks=False), tmp_path / "run"
    evaluate([cohort], output)
    (output / "summary.json").unlink()
    told = []
    evaluate([cohort], output, points=3, progress=told.append)
    assert not any("measured before" in line for line in told)
    (output / "summary.json").unlink()
    (output / "measured" / "cohort-patient001.json").write_text("{")
    evaluate([cohort], output, points=3, progress=told.append)
    assert not any("measured before" in line for line in told)


def test_force_begins_anew(tmp_path):
    cohort, output = write_cohort(tmp_path / "cohort", patients=1, masks=False), tmp_path / "run"
    evaluate([cohort], output)
    (output / "mine.txt").write_text("keep")
    codec = FakeCodec()
    evaluate([cohort], output, codec, force=True)
    assert codec.calls
    assert (output / "mine.txt").exists()


def test_other_content_is_not_touched(tmp_path):
    cohort, output = write_cohort(tmp_path / "cohort", patients=1, masks=False), tmp_path / "run"
    output.mkdir()
    (output / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="exists"):
        evaluate([cohort], output)
    file = tmp_path / "file"
    file.write_text("x")
    for force in (False, True):
        with pytest.raises(OutputError, match="folder" if force else "exists"):
            evaluate([cohort], file, force=force)


def test_usage_errors_come_before_any_work(tmp_path):
    cohort, output = write_cohort(tmp_path / "cohort", patients=1, masks=False), tmp_path / "run"
    with pytest.raises(UsageError, match="no such coder"):
        evaluate([cohort], output, coders=("nonsense",))
    with pytest.raises(UsageError, match="points"):
        evaluate([cohort], output, points=1)
    assert not output.exists()
    (cohort / "patient001" / "patient001_4d.nii.gz").write_bytes(b"no image")
    with pytest.raises(UsageError, match="no study"):
        evaluate([cohort], output)


def test_a_judge_adds_columns_tables_and_belongs_to_what_was_asked(tmp_path):
    cohort, output = write_cohort(tmp_path / "cohort", patients=1), tmp_path / "run"
    judge = str(model(tmp_path / "small"))
    result = evaluate([cohort], output, judge=judge, claims=True)
    assert lines(result)[0].startswith("warning: limits of the model: ")
    with (output / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0])[: len(COLUMNS)] == COLUMNS
    assert {"judge_dice_lv", "judge_dice_delta_lv", "judge_agreement_rv", "judge_ef_delta_percent"} <= set(rows[0])
    exact = next(row for row in rows if row["coder"] == "jpegxl")
    assert (exact["step"], float(exact["judge_dice_delta_lv"])) == ("lossless", 0)
    text = "\n".join(lines(result))
    for words in ("its ceiling", "restored scans", "Dice of a segmentation", "Judge: "):
        assert words in text
    summary = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    assert summary["results"]["data_sets"][0]["judge"]["frames_from"] == {"patient001": "Info.cfg"}
    assert summary["made"]["facts"]["Judge"].startswith("small, weights ")
    assert str(tmp_path) not in (output / "report.html").read_text(encoding="utf-8")

    def again(**options):
        (output / "summary.json").unlink()
        told = []
        evaluate([cohort], output, progress=told.append, **options)
        return any("measured before" in line for line in told)

    assert again(judge=judge)
    assert not again()
    assert again()
    assert not again(judge=str(model(tmp_path / "other")))  # other random weights


def test_a_judge_that_is_none_fails_before_any_work(tmp_path):
    with pytest.raises(InputError):
        evaluate([write_cohort(tmp_path / "cohort", patients=1)], tmp_path / "run", judge="no-such-model")
    assert not (tmp_path / "run").exists()
