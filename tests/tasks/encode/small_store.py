"""A store of vectors without a net: random rows for cases of an image folder, for tests of what reads stores."""

import numpy as np
from PIL import Image

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.features import FeatureStore, StoreFacts
from vesalius.tasks.encode.collection import Collection, write_cases
from vesalius.tasks.encode.recipe import Recipe
from vesalius.tasks.encode.slices import SliceConfig
from vesalius.transforms.contract import InputContract
from vesalius.transforms.prepare import Prepare

WIDTH = 8
PREPARE = Prepare.build(layout="CJI", steps=({"name": "resize", "size": [32, 32]},))


def make_cases(folder, count, *, first=0):
    """Pictures of 12 x 10 pixels; two of each patient, the last patient unknown; every third case has the label."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for number in range(first, first + count):
        pixels = np.random.default_rng(number).integers(0, 255, (12, 10), np.uint8)
        Image.fromarray(pixels).save(folder / f"c{number}.png")
        who = None if number == count - 1 else f"Doe^Jane {number // 2}"
        facts = {"age": 30 + number, "view": "PA" if number % 2 else "AP"}
        labels = {"nodule": float(number % 3 == 0)}
        cases.append(
            Case.build(id=f"c{number}", images={"image": f"c{number}.png"}, patient=who, labels=labels, facts=facts)
        )
    return Cohort(tuple(cases), folder)


def make_store(folder, count=12, *, rows=1, pool="none", model="encoder"):
    """A store in `folder` with pictures in `folder/pictures`; case number n has the key of n as 64 digits."""
    folder.mkdir(parents=True, exist_ok=True)
    cohort = make_cases(folder / "pictures", count)
    store = FeatureStore.create(folder, StoreFacts(width=WIDTH, encoder="e", prepare="p"))
    keys = {case.id: f"{number:064x}" for number, case in enumerate(cohort)}
    fill_store(store, keys, rows)
    contract = InputContract(prepare=PREPARE)
    Recipe(model=model, contract=contract, choice=SliceConfig(), pool=pool, precision="fp32").write(folder)
    write_cases(cohort, keys, folder)
    return Collection.open(folder)


def fill_store(store, keys, rows=1):
    for name, key in keys.items():
        draw = np.random.default_rng(int(key, 16))
        store.append(key, name, draw.normal(size=(rows, store.facts.width)))
