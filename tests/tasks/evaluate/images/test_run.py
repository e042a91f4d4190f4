import csv
import json

import numpy as np
import pytest
from PIL import Image

from tasks.evaluate.images.making import SIZE, generated_manifest, real_manifest, texture
from vesalius.errors import InputError, OutputError, UsageError
from vesalius.tasks.evaluate.images.options import QualityOptions
from vesalius.tasks.evaluate.images.run import evaluate_images, lines

TEST = [f"r{n}" for n in range(100, 132)]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return real_manifest(tmp_path_factory.mktemp("real"))


def evaluate(made, real, output, **options):
    options = {"features": "random", "split": "test", "cache": output.parent / "cache"} | options
    return evaluate_images(made, real, output, QualityOptions(**options))


@pytest.fixture(scope="module")
def honest(real, tmp_path_factory):
    folder = tmp_path_factory.mktemp("honest")
    made = generated_manifest(folder / "made", [texture(n) for n in range(300, 332)], TEST)
    return evaluate(made, real, folder / "out", train=real, by="kind")


def test_pictures_of_the_same_kind_are_near(honest):
    everything = honest.results["groups"]["all"]
    assert everything["compared"] == 32
    assert everything["sources"] == {"generated": 32, "reference": 32, "train": 40}
    low, high = everything["kid_difference"]["interval"]
    assert low <= 0 <= high
    assert everything["kid_difference"]["value"] == pytest.approx(
        everything["kid"]["value"] - everything["kid_of_train"]["value"]
    )
    assert everything["precision"] > 0.7
    assert everything["fid"] is None  # from 2,000 pictures on
    assert everything["memorisation"]["pixels"]["copies"] == 0


def test_groups_come_from_the_source_of_a_generated_picture(honest):
    groups = honest.results["groups"]
    assert list(groups) == ["all", "blue", "red"]
    assert groups["red"]["pictures"] == {"generated": 16, "reference": 16, "train": 20}


def test_the_report_names_the_net_and_defines_every_measure(honest):
    page = honest.report.read_text()
    for words in ("random weights", "KID difference", "Memorisation", "drawn by chance", "at most a third"):
        assert words in page
    saved = json.loads((honest.path / "summary.json").read_text())
    assert saved["results"] == json.loads(json.dumps(honest.results))
    with (honest.path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 64
    assert rows[0]["pixels_nearest"].startswith("r")
    shown = "\n".join(lines(honest))
    assert "KID(generated, reference) - KID(train, reference)" in shown
    assert "features: random" in shown


def test_dark_pictures_are_farther(real, honest, tmp_path):
    dark = [texture(n) // 2 for n in range(300, 332)]
    result = evaluate(generated_manifest(tmp_path / "made", dark, TEST), real, tmp_path / "out", train=real, by="kind")
    for name in ("red", "blue"):
        group = result.results["groups"][name]
        assert group["kid_difference"]["interval"][0] > 0
        assert group["kid"]["value"] > honest.results["groups"][name]["kid"]["value"]


def test_copies_of_training_pictures_are_flagged(real, tmp_path):
    pictures = [texture(n) for n in range(300, 331)] + [np.rot90(texture(7)).clip(3, 250)]
    result = evaluate(generated_manifest(tmp_path / "made", pictures, TEST), real, tmp_path / "out", train=real)
    assert result.results["groups"]["all"]["memorisation"]["pixels"]["copies"] == 1
    assert any(line.startswith("warning") and "1 is a copy" in line for line in lines(result))
    with (result.path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    copied = [row for row in rows if row["pixels_copy"] == "1" and row["side"] == "generated"]
    assert [(row["picture"], row["pixels_nearest"]) for row in copied] == [("g31", "r7")]


def test_cuts_give_more_pictures_and_no_more_sources(real, tmp_path):
    made = generated_manifest(tmp_path / "made", [texture(n)[:12, :12] for n in range(300, 332)], TEST)
    result = evaluate(made, real, tmp_path / "out", cuts=3, area=(0.2, 0.5))
    group = result.results["groups"]["all"]
    assert result.results["size"] == [12, 12]
    assert group["pictures"] == {"generated": 32, "reference": 96}
    assert group["sources"]["reference"] == 32
    assert "kid_difference" not in group
    assert "memorisation" not in group


def test_pairs_of_two_folders(tmp_path):
    for name, noise in (("real", 0), ("made", 6)):
        (tmp_path / name).mkdir()
        for n in range(12):
            picture = texture(n) + np.random.default_rng(n).normal(0, noise, (SIZE, SIZE, 3))
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(tmp_path / name / f"{n}.png")
    (tmp_path / "made" / "0.png").unlink()
    options = QualityOptions(features="none", paired=True)
    result = evaluate_images(tmp_path / "made", tmp_path / "real", tmp_path / "out", options)
    paired = result.results["paired"]
    assert paired["pictures"] == 11
    assert 29 < paired["psnr"]["mean"] < 35
    assert paired["psnr"]["grade"] == "good"
    low, high = paired["psnr"]["range"]
    assert low <= paired["psnr"]["mean"] <= high
    assert paired["psnr"]["interval"] is not None
    assert [failure["path"] for failure in result.failed] == ["0"]
    assert "groups" not in result.results
    assert "PSNR (dB)" in "\n".join(lines(result))


def test_a_broken_picture_is_listed_and_the_rest_is_measured(real, tmp_path):
    made = generated_manifest(tmp_path / "made", [texture(n) for n in range(300, 332)], TEST)
    (tmp_path / "made" / "g3.png").write_bytes(b"no picture")
    result = evaluate(made, real, tmp_path / "out")
    assert [failure["path"] for failure in result.failed] == ["generated g3"]
    assert result.results["groups"]["all"]["pictures"]["generated"] == 31


def test_a_reference_that_was_trained_on_is_noted(real, tmp_path):
    made = generated_manifest(tmp_path / "made", [texture(n) for n in range(300, 332)], TEST)
    result = evaluate(made, real, tmp_path / "out", split="train", train=real)
    assert any("not held out" in note for note in result.results["notes"])


def test_user_errors_are_one_line(real, tmp_path):
    made = generated_manifest(tmp_path / "made", [texture(1)], ["r100"])
    with pytest.raises(InputError, match="no such file"):
        evaluate(tmp_path / "nothing", real, tmp_path / "out")
    with pytest.raises(UsageError, match="no case has the fact"):
        evaluate(made, real, tmp_path / "out", by="age")
    with pytest.raises(UsageError, match="no case in split 'val'"):
        evaluate(made, real, tmp_path / "out", split="val")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    with pytest.raises(OutputError, match="exists already"):
        evaluate(made, real, tmp_path / "full")
