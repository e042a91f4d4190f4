import pytest
import yaml

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import UsageError
from vesalius.tasks.evaluate.arms.cases import words_of, write_cases


def cohort(root, *names):
    return Cohort(tuple(Case(id=name, images={"image": f"{name}.png"}, split="train") for name in names), root)


def test_an_earlier_manifest_must_hold_the_same_cases(tmp_path):
    path = tmp_path / "run" / "cases.csv"
    write_cases(cohort(tmp_path, "a", "b"), path, tmp_path)
    write_cases(cohort(tmp_path / "elsewhere", "a", "b"), path, tmp_path)  # the folder may have moved
    assert [case.images["image"] for case in read_manifest(path)] == ["../elsewhere/a.png", "../elsewhere/b.png"]
    with pytest.raises(UsageError, match="the cases have changed since this run began"):
        write_cases(cohort(tmp_path, "a", "c"), path, tmp_path)


def test_the_words_name_a_manifest_whatever_its_path_means_in_yaml(tmp_path):
    table = dict(word.split("=", 1) for word in words_of(tmp_path / "5: x" / "m.csv", 3, ("left", "no")))
    assert yaml.safe_load(table["data.manifest"]) == [str(tmp_path / "5: x" / "m.csv")]
    assert yaml.safe_load(table["data.classes"]) == ["left", "no"]
    assert (table["train.seed"], table["train.best"]) == ("3", "null")
