import json

import numpy as np
import pytest

from vesalius.cohort.manifest import read_manifest
from vesalius.errors import OutputError, UsageError
from vesalius.tasks.generate.generator import Generator
from vesalius.tasks.synthesis.cohort import check_manifest, planned_of, source_of, write_lines
from vesalius.tasks.synthesis.settings import SynthesisSettings


@pytest.fixture(scope="module")
def generator(model):
    return Generator(model)


def rewritten(discs, folder, **changes):
    """The manifest of the discs with other keys in each line."""
    lines = []
    for line in discs.read_text().splitlines():
        case = json.loads(line) | changes
        case["images"] = {"image": str(discs.parent / case["images"]["image"])}
        case["masks"] = {name: str(discs.parent / path) for name, path in case["masks"].items()}
        lines.append(json.dumps({key: value for key, value in case.items() if value is not None}))
    path = folder / "m.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_only_training_cases_are_taken(discs, model):
    source = source_of(discs, str(model), whole=False)
    assert [case.split for case in source.cohort] == ["train"] * 4
    assert source.split == "the split train, 4 of 12 cases"
    assert source.notes == ()


def test_a_manifest_without_splits_needs_a_word(discs, tmp_path):
    bare = rewritten(discs, tmp_path, split=None)
    with pytest.raises(UsageError, match=r"has no splits: which cases are held out is unknown; .* --whole"):
        source_of(bare, "x", whole=False)
    assert source_of(bare, "x", whole=True).split == "all 12 cases"
    with pytest.raises(UsageError, match="has the splits train, val, test; leave --whole out"):
        source_of(discs, "x", whole=True)
    with pytest.raises(UsageError, match="has no training split"):
        source_of(rewritten(discs, tmp_path, split="test"), "x", whole=False)


def test_a_model_that_learned_from_held_out_cases_is_noted(discs, model, tmp_path):
    lines = discs.read_text().replace('"test"', '"x"').replace('"train"', '"test"').replace('"x"', '"train"')
    swapped = tmp_path / "swapped.jsonl"
    swapped.write_text(lines)
    (note,) = source_of(swapped, str(model), whole=False).notes
    assert note.startswith("the model learned from 4 cases that the manifest holds out, namely 0, 1, 2, 3")


def test_each_case_gives_lines_with_its_facts_and_requests_with_its_mask(generator, discs, model, tmp_path):
    source = source_of(discs, str(model), whole=False)
    both = list(planned_of(generator, source, tmp_path, 2, SynthesisSettings()))
    assert len(both) == 8
    (bare, line), (plan, masked) = both[0], both[3]
    assert (line.masks, bare.load().request.mask) == ({}, None)  # the first case has none
    assert (masked.id, masked.split, masked.caption) == ("1_2", "train", "a bright disc")
    assert masked.facts == {
        "kind": "bright",
        "source": "1",
        "synthetic": True,
        "seed": plan.stamp.seed,
        "model": "discs",
        "model_digest": generator.digest,
    }
    work = plan.load()
    assert work.request.mask.shape == (24, 24)  # the picture follows the mask in its full resolution
    assert work.mask_JI.shape == (16, 16)
    assert work.stamp.mask_sha256
    assert (plan.stamp.source, work.stamp.source) == ("1", "1")
    assert len({plan.stamp.seed for plan, _ in both}) == 8
    assert [plan.stamp.seed for plan, _ in planned_of(generator, source, tmp_path, 2, SynthesisSettings(seed=1))] != [
        plan.stamp.seed for plan, _ in both
    ]


def test_parts_of_a_mask_differ_and_stay(generator, discs, model, tmp_path):
    source = source_of(discs, str(model), whole=False)
    settings = SynthesisSettings(area=(0.2, 0.6))
    again = [
        [plan.load().request.mask for plan, line in planned_of(generator, source, tmp_path, 3, settings) if line.masks]
        for _ in range(2)
    ]
    assert all(np.array_equal(first, second) for first, second in zip(*again, strict=True))
    assert len({mask.shape for mask in again[0]}) > 3
    assert max(len(mask) for mask in again[0]) <= round(24 * 0.6**0.5)


def test_another_manifest_is_not_replaced(generator, discs, model, tmp_path):
    source = source_of(discs, str(model), whole=False)
    written = [line for _, line in planned_of(generator, source, tmp_path, 1, SynthesisSettings())]
    path = tmp_path / "sub" / "out.jsonl"
    check_manifest(path, written)
    write_lines(written, tmp_path, path)
    assert read_manifest(path).cases[1].images["image"].startswith("../images/")
    check_manifest(path, written)
    other = [line for _, line in planned_of(generator, source, tmp_path, 1, SynthesisSettings(seed=3))]
    with pytest.raises(OutputError, match="exists already and is not the manifest that would be written"):
        check_manifest(path, other)
