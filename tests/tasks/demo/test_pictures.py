import csv

import numpy as np
import pytest

from vesalius.cohort.manifest import read_manifest
from vesalius.report.result import Result
from vesalius.tasks.demo import pictures
from vesalius.tasks.encode.collection import Collection


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The folder and the report of a run of two steps."""
    pytest.importorskip("torch")
    folder, result = tmp_path_factory.mktemp("pictures"), Result()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "OVERRIDES", (*pictures.OVERRIDES, "train.max_steps=2"))
        pictures.show_pictures(result, folder, 1, lambda line: None)
    return folder / "models" / "tissue", result


def test_every_piece_is_another_part_of_the_section(shown):
    home, _ = shown
    cohort = read_manifest(home / "pieces.jsonl")
    assert len({case.images["image"] for case in cohort}) == len(cohort) == pictures.PIECES**2
    with (home / "encoder" / "splits" / "val.csv").open(newline="") as file:
        held_out = {row["patient"] for row in csv.DictReader(file)}
    with (home / "encoder" / "splits" / "train.csv").open(newline="") as file:
        assert held_out.isdisjoint({row["patient"] for row in csv.DictReader(file)})


def test_the_sheet_shows_the_most_similar_pieces(shown):
    home, result = shown
    vectors_ND = Collection.open(home / "store").vectors()
    section_JIC = np.zeros((480, 480, 3), np.uint8)
    tiles = pictures._tiles(section_JIC, vectors_ND @ vectors_ND.T)
    framed = [n for n, tile in enumerate(tiles) if tile.framed]
    assert framed == [0, 5, 10]
    cosines_N = np.sort(vectors_ND @ vectors_ND[pictures.QUERIES[1]])[::-1]
    assert [tile.caption for tile in tiles[6:10]] == [f"{value:.2f}" for value in cosines_N[1:5]]
    (section,) = result.sections
    assert {"text", "definitions", "figure"} == {block.kind for block in section.blocks}
    assert len(result.figures[pictures.SHEET]) > 10_000


def test_without_torch_the_pieces_alone_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "NEEDS", "no_such_package_at_all")
    result = Result()
    pictures.show_pictures(result, tmp_path, 1, lambda line: None)
    assert [block.kind for block in result.sections[0].blocks] == ["text", "figure"]
    assert len(result.figures[pictures.SHEET]) > 10_000
    assert (tmp_path / "models" / "tissue" / "pieces.jsonl").is_file()
