from pathlib import Path

import pytest

from tasks.encode.small_store import PREPARE
from vesalius.errors import InputError
from vesalius.tasks.encode.recipe import RECIPE, Recipe, model_name
from vesalius.tasks.encode.slices import SliceConfig
from vesalius.transforms.contract import InputContract
from vesalius.weights.place import ZOO


def recipe(**changed):
    facts = {"model": "../encoder", "contract": InputContract(prepare=PREPARE), "choice": SliceConfig()}
    return Recipe(**{**facts, "pool": "none", "precision": "fp32", **changed})


def test_written_and_read(tmp_path):
    written = recipe(pool="mean", choice=SliceConfig(stride=3))
    written.write(tmp_path)
    assert Recipe.read(tmp_path) == written
    (tmp_path / RECIPE).write_text("{}")
    with pytest.raises(InputError, match=r"does not say how the vectors were made.*vesalius embed"):
        Recipe.read(tmp_path)


def test_the_digest_changes_with_all_that_decides_about_rows():
    changes = ({}, {"pool": "max"}, {"choice": SliceConfig(most=2)}, {"contract": InputContract(images=("t1",))})
    assert len({recipe(**changed).digest() for changed in changes}) == len(changes)
    assert recipe(model="elsewhere").digest() == recipe().digest()


def test_a_model_is_found_from_the_store(tmp_path):
    model, store = tmp_path / "runs" / "a", tmp_path / "stores" / "s"
    for folder in (model, store):
        folder.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    named = recipe(model=model_name(model, store))
    assert named.model == "../../runs/a"
    assert named.model_folder(store).samefile(model)
    (tmp_path / "stores").rename(tmp_path / "moved")
    assert named.model_folder(tmp_path / "moved" / "s").samefile(model)
    model.rename(tmp_path / "other")
    with pytest.raises(InputError, match=r"is not where it was; name its folder with --model"):
        named.model_folder(tmp_path / "moved" / "s")


def test_a_model_of_the_package_is_named():
    name = model_name(ZOO / "detect" / "head_ct_phantom", Path("anywhere"))
    assert recipe(model=name).model_folder(Path("anywhere")) == ZOO / "detect" / "head_ct_phantom"
