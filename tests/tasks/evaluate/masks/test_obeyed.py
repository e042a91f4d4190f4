import csv
import json

import numpy as np
import pytest
from PIL import Image

from tasks.segment.small_pictures import discs, make_pictures
from vesalius.tasks.evaluate.masks.obeyed import evaluate_structure, lines
from vesalius.tasks.evaluate.masks.structure_options import StructureOptions

COUNT = 12


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Real pictures, and two generated ones for the mask of each: the first obeys, the second shows half of it."""
    folder = tmp_path_factory.mktemp("obeyed")
    real = make_pictures(folder / "real", ("test",) * COUNT)
    (folder / "made").mkdir()
    rows = []
    for number in range(COUNT):
        _, numbers = discs(number)
        Image.fromarray(numbers).save(folder / "made" / f"m{number}.png")
        for kind in ("obeys", "half"):
            shown = (numbers > 0) if kind == "obeys" else (numbers > 100)
            picture = np.repeat((60 + 150 * shown).astype(np.uint8)[..., None], 3, axis=2)
            name = f"{kind}{number}"
            Image.fromarray(picture).save(folder / "made" / f"{name}.png")
            rows.append(
                {"image_path": f"{name}.png", "mask_path": f"m{number}.png", "source": f"d{number}", "kind": kind}
            )
    (folder / "made" / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "made" / "m.jsonl", real


@pytest.fixture(scope="module")
def result(made, tmp_path_factory):
    options = StructureOptions(generated=made[0], real=made[1], quick="brightness", by="kind")
    return evaluate_structure(options, tmp_path_factory.mktemp("out") / "e")


def test_a_mask_that_is_kept_and_one_that_is_not(result):
    groups = result.results["groups"]
    assert groups["obeys"]["region"]["dice"]["generated"]["mean"] == 1
    assert groups["half"]["region"]["dice"]["generated"]["mean"] < 0.85
    assert groups["all"]["region"]["dice"]["generated"]["pictures"] == 2 * COUNT
    assert groups["all"]["region"]["iou"]["generated"]["grade"] in ("good", "excellent")


def test_the_ratio_is_that_of_the_means_with_an_interval_over_sources(result):
    dice = result.results["groups"]["all"]["region"]["dice"]
    value = dice["generated"]["mean"] / dice["real"]["mean"]
    assert dice["ratio"]["value"] == pytest.approx(value)
    low, high = dice["ratio"]["interval"]
    assert low < value < high
    assert any("whose masks were used" in note for note in result.results["notes"])


def test_the_report_marks_quick_methods(result):
    page = result.report.read_text()
    assert "Quick method" in page
    assert "Ceiling" in page
    with (result.path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * COUNT
    assert "quick method" in (result.path / "summary.json").read_text()
    assert "ratio" in "\n".join(lines(result))
