from pathlib import Path

import numpy as np
import pytest

from cohort.loading import make_cohort
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.errors import ConfigError, UsageError
from vesalius.tasks.cohort_data import CohortData
from vesalius.transforms.prepare import Prepare


class Labelled(CohortData):
    def usable(self, case):
        return bool(case.labels)

    @property
    def needs(self):
        return "label"


def cases(*splits, labels=None):
    return Cohort(
        tuple(
            Case(id=f"c{n}", images={"image": "x.nii"}, split=split, labels=labels or {})
            for n, split in enumerate(splits)
        ),
        Path(),
    )


def test_a_manifest_may_be_one_path_or_several():
    assert CohortData.build(manifest="a.jsonl").manifest == (Path("a.jsonl"),)
    assert CohortData.build(manifest=["a.jsonl", "b.csv"]).where == "a.jsonl, b.csv"
    with pytest.raises(ConfigError):
        CohortData.build(manifest=[])


def test_cases_without_what_the_job_needs_are_left_out_with_a_note():
    cohort = cases("train", "train", "val", labels={"sick": 1})
    unlabelled = cohort.cases[1].model_copy(update={"labels": {}})
    cohort = Cohort((cohort.cases[0], unlabelled, cohort.cases[2]), cohort.root)
    splits = Labelled.build(manifest="m.jsonl").splits(cohort, 0)
    assert [case.id for case in splits["train"]] == ["c0"]
    note = "cases that are left out, as they have no label or are in no split of the run: 1 of 3, namely c1"
    assert splits["train"].notes == (note,)


def test_a_split_without_usable_cases_is_an_error_that_names_the_manifest():
    with pytest.raises(UsageError, match="the split 'train' has no case with a label") as caught:
        Labelled.build(manifest="m.jsonl").splits(cases("train", "val"), 0)
    assert caught.value.where == "m.jsonl"
    folds = Cohort(tuple(case.model_copy(update={"fold": 0}) for case in cases("train", "train")), Path())
    with pytest.raises(UsageError, match="the split 'train' has no case;"):
        CohortData.build(manifest="m.jsonl", fold=0).splits(folds, 0)


def test_the_loader_takes_images_cache_and_workers_from_the_block(tmp_path):
    write_manifest(make_cohort(tmp_path), tmp_path / "m.jsonl")
    data = CohortData.build(
        manifest=tmp_path / "m.jsonl", images=["other", "image"], workers=0, cache=tmp_path / "cache", memory_mib=1
    )
    cohort, prepare = data.cohort(), Prepare(layout="CIJK")
    loaded = list(data.loader(cohort, prepare=prepare, order="cohort", masks=("mask",)).epoch(0))
    assert [one.id for one in loaded] == [case.id for case in cohort]
    assert loaded[0].image.shape == (2, 6, 5, 4)
    np.testing.assert_array_equal(loaded[0].image[0], 2 * loaded[0].image[1])
    assert any((tmp_path / "cache").iterdir())
    shuffled = data.loader(cohort, prepare=prepare, order="shuffled", seed=1, repeats=2)
    assert sorted(shuffled.ids(0)) == sorted(2 * [case.id for case in cohort])
    assert shuffled.ids(0) != shuffled.ids(1)
