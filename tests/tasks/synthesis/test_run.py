"""From the command's function to files and back."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.read import open_image, open_mask
from vesalius.errors import OutputError, UsageError
from vesalius.scan.synthetic import FORMATS, read_stamp
from vesalius.tasks.cohort.audit import audit_cohort
from vesalius.tasks.inspect import inspect
from vesalius.tasks.synthesis.options import GenerateOptions
from vesalius.tasks.synthesis.run import generate, lines

FAST = GenerateOptions(steps=1, sampler="euler")


def test_pictures_of_a_caption(model, discs, tmp_path):
    mask = discs.parent / "1-mask.png"
    result = generate(model, tmp_path / "out", caption="a bright disc", mask=mask, count=2, options=FAST, device="cpu")
    assert [Path(picture["path"]).name for picture in result.pictures] == ["a-bright-disc_0.png", "a-bright-disc_1.png"]
    assert (result.made, result.manifest, result.failed) == (2, None, [])
    assert [np.unique(np.asarray(Image.open(picture["mask"]))).tolist() for picture in result.pictures] == [[0, 1]] * 2
    assert lines(result) == [picture["path"] for picture in result.pictures]
    pictures = [np.asarray(Image.open(picture["path"])) for picture in result.pictures]
    assert pictures[0].shape == (16, 16, 3)
    assert (pictures[0] != pictures[1]).any()
    (found,) = inspect([Path(result.pictures[0]["path"])]).scans
    assert (found.synthetic.caption, found.synthetic.seed) == ("a bright disc", 0)


def test_a_rerun_skips_and_another_one_is_refused(model, tmp_path):
    options = {"caption": "", "count": 2, "device": "cpu"}
    generate(model, tmp_path / "out", options=FAST, **options)
    again = generate(model, tmp_path / "out", options=FAST, **options)
    assert (again.made, again.skipped) == (0, 2)
    changed = GenerateOptions(steps=2, sampler="euler")
    with pytest.raises(OutputError, match="exists already"):
        generate(model, tmp_path / "out", options=changed, **options)
    assert generate(model, tmp_path / "out", options=changed, force=True, **options).made == 2


@pytest.mark.parametrize("kind", FORMATS)
def test_an_augmented_cohort_is_read_by_the_others(model, discs, tmp_path, kind):
    options = GenerateOptions(steps=1, sampler="euler", format=kind)
    manifest = tmp_path / "made.jsonl"
    result = generate(
        model, tmp_path / "out", source=discs, per_case=2, manifest=manifest, options=options, device="cpu"
    )
    assert (result.made, result.failed, result.split) == (8, [], "the split train, 4 of 12 cases")
    cohort = read_manifest(manifest)
    assert {str(case.facts["source"]) for case in cohort} == {"0", "1", "2", "3"}
    for case in cohort:
        stamp = read_stamp(cohort.path(case.images["image"]))
        assert (stamp.seed, stamp.source) == (case.facts["seed"], str(case.facts["source"]))
        shape = open_image(cohort, case, "image").shape
        assert shape == (3, 1, 16, 16, 1)
        if case.masks:
            assert open_mask(cohort, case, "mask").shape[2:] == shape[2:]
            assert read_stamp(cohort.path(case.masks["mask"])) == stamp
    assert not any(finding.level == "error" for finding in audit_cohort(manifest).findings)


def test_boxes_follow_the_part_and_long_captions_are_noted(model, discs, tmp_path):
    box = {"left": 0.1, "top": 0.1, "right": 0.9, "bottom": 0.9}
    cases = [json.loads(line) for line in discs.read_text().splitlines()[:4]]
    for case in cases:
        case |= {"boxes": [box | {"label": "disc"}, box | {"label": "other"}], "caption": "x" * 3000}
    source = discs.parent / "boxes.jsonl"
    source.write_text("\n".join(map(json.dumps, cases)))
    options = GenerateOptions(steps=1, sampler="euler", area=(0.7, 1.0))
    result = generate(model, tmp_path / "out", source=source, options=options, device="cpu")
    boxes = [[box.label for box in case.boxes] for case in read_manifest(result.manifest)]
    assert boxes == [[], ["disc"], ["disc"], ["disc"]]  # the first has no mask, so nothing says where its disc is
    assert result.notes == [
        "captions of 4 pictures end after 2000 characters",
        "pictures show a part of their masks, while captions, labels and facts are those of whole cases",
    ]


def test_a_file_in_place_of_the_folder_is_seen_before_anything_is_made(model, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="is a file, a folder is to be made there"):
        generate(model, tmp_path / "out", caption="", options=FAST, device="cpu")


def test_cases_that_fail_are_left_out_of_the_manifest_and_made_later(model, discs, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for path in discs.parent.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    kept = (folder / "2-mask.png").read_bytes()
    (folder / "2-mask.png").write_bytes(b"")
    arguments = {"source": folder / discs.name, "options": FAST, "device": "cpu"}
    first = generate(model, tmp_path / "out", **arguments)
    assert first.failed == [{"path": "2_1", "error": "2_1: its mask 2-mask.png is an empty file; copy it again"}]
    assert len(read_manifest(first.manifest)) == 3
    (folder / "2-mask.png").write_bytes(kept)
    second = generate(model, tmp_path / "out", **arguments)
    assert (second.made, second.skipped, len(read_manifest(second.manifest))) == (1, 3, 4)


def test_words_of_labels_become_captions(model, discs, tmp_path):
    text = discs.read_text().replace('"caption": "a bright disc", ', '"labels": {"bright": 1}, ')
    text = text.replace('"caption": "a dark disc", ', '"labels": {"bright": 0}, ')
    folder = discs.parent / "labelled.jsonl"
    folder.write_text(text)
    words = tmp_path / "words.yaml"
    words.write_text("bright: a bright disc\n")
    result = generate(model, tmp_path / "out", source=folder, texts=words, options=FAST, device="cpu")
    captions = {case.facts["source"]: case.caption for case in read_manifest(result.manifest)}
    assert captions == {"0": None, "1": "a bright disc", "2": None, "3": "a bright disc"}
    assert "2 of 4 pictures have no caption" in result.notes


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "give either a caption or a manifest"),
        ({"caption": "", "source": Path("m.jsonl")}, "give either a caption or a manifest"),
        ({"caption": "", "manifest": Path("m.jsonl")}, "--manifest: does not go with --caption"),
        ({"source": Path("m.jsonl"), "mask": Path("m.png")}, "--mask: does not go with --from"),
        ({"source": Path("m.jsonl"), "count": 3}, "--count: does not go with --from"),
        ({"source": Path("m.jsonl"), "per_case": 0}, "--per-case: 0 pictures of a case"),
        ({"source": Path("m.jsonl"), "manifest": Path("m.txt")}, "m.txt: a manifest ends in .jsonl or .csv"),
        ({"caption": "", "per_case": 2}, "--per-case: does not go with --caption"),
        ({"caption": "", "options": GenerateOptions(area=(0.2, 1.0))}, "--area: does not go with --caption"),
    ],
)
def test_arguments_that_do_not_fit_are_one_line(model, tmp_path, given, says):
    with pytest.raises(UsageError) as caught:
        generate(model, tmp_path / "out", device="cpu", **given)
    assert str(caught.value).startswith(says)
    assert not (tmp_path / "out").exists()
