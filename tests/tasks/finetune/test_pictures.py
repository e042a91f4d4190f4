import numpy as np
import pytest

from tasks.finetune.small import make_pictures, make_volumes, of_pictures, of_volumes, volume
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import UsageError
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.pictures import MapLabels, OneSlice
from vesalius.transforms.spatial import Flip
from vesalius.transforms.transform import Chain, Sample

VALUES = {"any": (2, 3), "bright": (2,)}


def test_labels_of_pictures_and_places_by_counting():
    draw = np.random.default_rng(0)
    mask = (draw.integers(0, 60, (3, 1, 32, 48)) % 31 % 8).astype(np.int16)  # 4 to 7 belong to no class
    mask[0] = 0
    mask[1, 0, 5, 5:8] = 3
    mask[1][mask[1] == 2] = 0
    labels = MapLabels(VALUES, least=4)
    pictures, places = labels.of_both(mask, 16, 11)
    np.testing.assert_array_equal(pictures, labels.of_pictures(mask))
    assert places.shape == (3, 6, 2)
    for b in range(3):
        for n, values in enumerate(VALUES.values()):
            count = int(np.isin(mask[b], values).sum())
            want = 1.0 if count >= 4 else (np.nan if count else 0.0)
            np.testing.assert_equal(labels.of_pictures(mask)[b, n], np.float32(want))
            for place in range(6):
                j, i = 16 * (place // 3), 16 * (place % 3)
                count = int(np.isin(mask[b, 0, j : j + 16, i : i + 16], values).sum())
                want = 1.0 if count >= 11 else (np.nan if count else 0.0)
                np.testing.assert_equal(places[b, place, n], np.float32(want))


def slices(seed=0):
    image, labels = volume(seed)
    return Sample(image.transpose(2, 1, 0)[:, None], {"mask": labels.transpose(2, 1, 0)[:, None]})


@pytest.mark.parametrize(("share", "least"), [(1.0, 1.0), (0.0, 0.4)])
def test_slices_about_labels(share, least):
    pick, sample = OneSlice("mask", share, Chain(transforms=())), slices()
    held = (sample.masks["mask"] != 0).any(axis=(1, 2, 3))
    draws = [pick.apply_to(sample, pick.draw(np.random.default_rng(seed))) for seed in range(200)]
    rate = np.mean([(one.masks["mask"] != 0).any() for one in draws])
    assert rate == 1.0 if share else abs(rate - held.mean()) < 0.12
    assert rate >= least
    assert {int(np.flatnonzero([np.array_equal(one.image, s) for s in sample.image])[0]) for one in draws} == (
        set(np.flatnonzero(held)) if share else set(range(6))
    )


def test_picture_and_mask_are_changed_alike():
    pick, sample = OneSlice("mask", 1.0, Chain(transforms=(Flip(axes="I", p=1.0),))), slices(1)
    one = pick.apply_to(sample, pick.draw(np.random.default_rng(0)))
    number = next(n for n in range(6) if np.array_equal(sample.image[n, :, :, ::-1], one.image))
    np.testing.assert_array_equal(one.masks["mask"], sample.masks["mask"][number, :, :, ::-1])


def test_an_empty_map_gives_any_slice():
    pick, sample = OneSlice("mask", 1.0, Chain(transforms=())), slices()
    empty = Sample(sample.image, {"mask": np.zeros_like(sample.masks["mask"])})
    assert pick.apply_to(empty, (0.0, 0.99, ())).image.shape == (1, 32, 32)


def test_parts_hold_only_cases_with_labels(tmp_path):
    volumes = read_manifest(make_volumes(tmp_path / "v"))
    data = FinetuneConfig.parse(of_volumes(tmp_path / "v" / "m.jsonl")).data
    assert {name: len(part) for name, part in data.splits(volumes, 0).items()} == {
        "train": 8,
        "val": 4,
        "test": 4,
    }
    without = volumes.where(lambda case: case.split != "train" or case.id == "v0")
    cases = tuple(case.model_copy(update={"masks": {}}) for case in without)
    with pytest.raises(UsageError, match="the split 'train' has no case with a mask called mask"):
        data.splits(type(volumes)(cases, volumes.root), 0)
    pictures = read_manifest(make_pictures(tmp_path / "p"))
    data = FinetuneConfig.parse(of_pictures(tmp_path / "p" / "m.jsonl")).data.model_copy(update={"classes": ("left",)})
    assert "x3" not in {case.id for part in data.splits(pictures, 0).values() for case in part}
