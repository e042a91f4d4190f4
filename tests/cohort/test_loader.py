import os
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cohort.loading import Scaled, Shifted, make_cohort, values_of
from real_data import real
from vesalius.cohort.cache import Cache
from vesalius.cohort.case import Case, Problem
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import LoadedCase, Loader, batches
from vesalius.errors import InputError, UsageError


def ids_of(batch):
    return tuple(case.id for case in batch.cases)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return make_cohort(tmp_path_factory.mktemp("cohort"))


def same(one, other):
    assert [sample.id for sample in one] == [sample.id for sample in other]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
        np.testing.assert_array_equal(a.labels_N, b.labels_N)
        assert a.image.dtype == b.image.dtype
        assert a.key == b.key
        assert a.masks.keys() == b.masks.keys()
        for name in a.masks:
            np.testing.assert_array_equal(a.masks[name], b.masks[name])


def test_what_a_sample_holds(cohort):
    loader = Loader(cohort, prepare=Scaled(3), images=("other", "image"), masks=("mask",), order="cohort", workers=0)
    assert loader.classes == ("sick", "old")
    samples = list(loader.epoch(0))
    assert [sample.id for sample in samples] == [f"c{n}" for n in range(6)]
    for n, sample in enumerate(samples):
        values = values_of(n)
        np.testing.assert_array_equal(sample.image, np.stack([values * 2, values]).astype(np.float32) * 3)
        np.testing.assert_array_equal(sample.masks["mask"][0], values % 3)
        expected = [np.nan, np.nan] if n % 3 == 2 else [n % 2, 1 - n % 2]
        np.testing.assert_array_equal(sample.labels_N, np.array(expected, np.float32))
        for array in (sample.image, sample.masks["mask"]):
            assert array.flags.c_contiguous
            assert array.flags.writeable
            assert type(array) is np.ndarray
    assert Loader(cohort, prepare=Scaled(), classes=("old", "none")).classes == ("old", "none")


@pytest.mark.parametrize("cached", [False, True])
def test_any_number_of_workers_gives_the_same(cohort, tmp_path, cached):
    def epochs(workers):
        cache = Cache(tmp_path / f"{workers}") if cached else None
        loader = Loader(
            cohort, prepare=Scaled(), masks=("mask",), augment=Shifted(), workers=workers, seed=5, cache=cache
        )
        return [list(loader.epoch(number)) for number in (0, 1, 0)]

    alone = epochs(0)
    for workers in (1, 4):
        for one, other in zip(alone, epochs(workers), strict=True):
            same(one, other)
    same(alone[0], alone[2])
    assert [s.id for s in alone[0]] != [s.id for s in alone[1]]
    by_id = {sample.id: sample for sample in alone[1]}
    assert all((sample.image != by_id[sample.id].image).any() for sample in alone[0])


def test_randomness_does_not_depend_on_the_rest_of_the_cohort(cohort):
    few = Cohort(cohort.cases[3:5], cohort.root)
    whole, part = (
        {s.id: s.image for s in Loader(one, prepare=Scaled(), augment=Shifted()).epoch(3)} for one in (cohort, few)
    )
    for name, image in part.items():
        np.testing.assert_array_equal(image, whole[name])


@given(st.integers(1, 40), st.integers(1, 7), st.integers(0, 3), st.integers(0, 5))
def test_shards_are_disjoint_and_complete(count, world, seed, epoch):
    cases = tuple(Case(id=f"{n}", images={"image": "x"}) for n in range(count))
    loader = Loader(Cohort(cases, Path()), prepare=Scaled(), seed=seed)
    whole = loader.ids(epoch)
    shards = [loader.shard(rank, world) for rank in range(world)]
    assert sorted(whole) == sorted(case.id for case in cases)
    assert [len(shard.ids(epoch)) for shard in shards] == [len(shard) for shard in shards]
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    for rank, shard in enumerate(shards):
        assert shard.ids(epoch) == whole[rank::world]


def test_going_on_in_the_middle_loads_nothing_twice(cohort):
    prepare = Scaled()
    loader = Loader(cohort, prepare=prepare, workers=0, augment=Shifted())
    same(list(loader.epoch(1))[4:], list(loader.epoch(1, start=4)))
    assert len(prepare.calls) == 6  # the second epoch came from memory


def test_samples_belong_to_the_caller(cohort, tmp_path):
    loader = Loader(cohort, prepare=Scaled(), masks=("mask",), cache=Cache(tmp_path))
    first = [(s.image.copy(), s.masks["mask"].copy()) for s in loader.epoch(0)]
    for _ in range(2):
        for sample in loader.epoch(0):
            sample.image[:] = -1
            sample.masks["mask"][:] = 9
    for sample, (image, mask) in zip(loader.epoch(0), first, strict=True):
        np.testing.assert_array_equal(sample.image, image)
        np.testing.assert_array_equal(sample.masks["mask"], mask)


def test_augmentation_cannot_change_what_is_kept(cohort):
    class Rude(Shifted):
        def apply_to(self, sample, params):
            sample.image[:] = 0
            return sample

    with pytest.raises(ValueError, match="read-only"):
        list(Loader(cohort, prepare=Scaled(), augment=Rude(), workers=0).epoch(0))


def test_hits_and_misses(tmp_path):
    cohort, cache = make_cohort(tmp_path / "data", 4), tmp_path / "cache"

    def prepared(cohort=cohort, factor=1.0, **options):
        prepare = Scaled(factor)
        samples = list(Loader(cohort, prepare=prepare, cache=Cache(cache), order="cohort", **options).epoch(0))
        return len(prepare.calls), samples

    assert prepared()[0] == 4
    count, samples = prepared()
    assert count == 0
    assert prepared(factor=2.0)[0] == 4  # another preparation
    assert prepared(images=("other",))[0] == 4  # other files
    assert prepared(masks=("mask",))[0] == 4  # masks that were not there
    assert prepared(masks=("mask",))[0] == 0
    moved = tmp_path / "elsewhere"
    (tmp_path / "data").rename(moved)
    count, again = prepared(Cohort(cohort.cases, moved))
    assert count == 0
    same(samples, again)
    values = values_of(2)
    values[3, 2, 1] += 1
    stat = (moved / "a2.nii.gz").stat()
    nib.save(nib.Nifti1Image(values, np.diag([1.0, 1, 2, 1])), moved / "a2.nii.gz")
    os.utime(moved / "a2.nii.gz", ns=(stat.st_atime_ns, stat.st_mtime_ns))  # even under its old time
    count, changed = prepared(Cohort(cohort.cases, moved))
    assert count == 1
    np.testing.assert_array_equal(changed[2].image[0], values)
    assert changed[2].key != samples[2].key
    assert [one.key for one in changed[:2]] == [one.key for one in samples[:2]]
    renamed = tuple(case.model_copy(update={"id": f"x{case.id}"}) for case in cohort)
    assert prepared(Cohort(renamed, moved))[0] == 0
    named = [path.relative_to(cache).as_posix() for path in cache.rglob("*")]
    assert not any(part == "c0" or "nii" in part for name in named for part in name.split("/"))
    known = (cache / "known.txt").read_text() if (cache / "known.txt").exists() else ""
    assert "a0" not in known.split()


def test_a_file_that_changes_between_two_epochs(tmp_path):
    cohort = make_cohort(tmp_path, 2)
    loader = Loader(cohort, prepare=Scaled(), order="cohort")
    list(loader.epoch(0))
    changed = values_of(1) + np.int16(7)
    nib.save(nib.Nifti1Image(changed, np.eye(4)), tmp_path / "a1.nii.gz")
    np.testing.assert_array_equal([s.image[0] for s in loader.epoch(1)][1], changed)


def test_regions_of_one_picture_are_keyed_apart(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    paths = {"left": "x.png#region/0,0,4,9", "right": "x.png#region/4,0,4,9", "whole": "x.png"}
    cohort = Cohort(tuple(Case(id=name, images={"image": path}) for name, path in paths.items()), tmp_path)
    for _ in range(2):  # prepared, then from the cache
        loader = Loader(cohort, prepare=Scaled(), order="cohort", cache=Cache(tmp_path / "cache"))
        left, right, whole = loader.epoch(0)
        np.testing.assert_array_equal(left.image[0, :, :, 0], pixels[:, :4].T)
        np.testing.assert_array_equal(right.image[0, :, :, 0], pixels[:, 4:].T)
        np.testing.assert_array_equal(whole.image[0, :, :, 0], pixels.T)
        assert len({left.key, right.key, whole.key}) == 3


def test_reading_as_channels_is_another_key(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((3, 3, 2, 4), np.int16), np.eye(4)), tmp_path / "x.nii.gz")
    cases = [Case(id="x", images={"image": "x.nii.gz"}, fourth_axis=axis) for axis in ("time", "channel")]
    keys = [Loader(Cohort((case,), tmp_path), prepare=Scaled()).key(case) for case in cases]
    assert keys[0] != keys[1]


def test_a_frame_of_a_cine(tmp_path):
    cine = np.random.default_rng(0).integers(0, 99, (4, 5, 3, 6)).astype(np.int16)
    nib.save(nib.Nifti1Image(cine, np.eye(4)), tmp_path / "x.nii.gz")
    nib.save(nib.Nifti1Image(np.ones((4, 5, 3), np.uint8), np.eye(4)), tmp_path / "m.nii.gz")
    case = Case(id="x", images={"image": "x.nii.gz"}, masks={"ES": "m.nii.gz"}, frames={"ED": 0, "ES": 4, "late": 6})
    cohort = Cohort((case,), tmp_path)
    samples = {f: next(Loader(cohort, prepare=Scaled(), frame=f, masks=("ES",)).epoch(0)) for f in ("ED", "ES")}
    np.testing.assert_array_equal(samples["ED"].image[0], cine[..., 0])
    np.testing.assert_array_equal(samples["ES"].image[0], cine[..., 4])
    assert samples["ED"].key != samples["ES"].key
    for frame, told in (("mid", "names no frame 'mid'"), ("late", "6 frames, none numbered 6")):
        with pytest.raises(InputError, match=told):
            list(Loader(cohort, prepare=Scaled(), frame=frame).epoch(0))


@pytest.mark.parametrize("cached", [False, True])
def test_a_case_may_lack_an_image(cohort, tmp_path, cached):
    cases = [
        case.model_copy(update={"images": {"image": case.images["image"]}}) if number == 1 else case
        for number, case in enumerate(cohort)
    ]
    lacking = Cohort(tuple(cases), cohort.root)
    cache = Cache(tmp_path) if cached else None
    settings = {"prepare": Scaled(3), "images": ("other", "image"), "order": "cohort", "workers": 0, "cache": cache}
    whole = list(Loader(cohort, **settings).epoch(0))
    loader = Loader(lacking, optional=True, **settings)
    for _ in range(2):
        found = list(loader.epoch(0))
        assert not found[1].image[0].any()
        np.testing.assert_array_equal(found[1].image[1], whole[1].image[1])
        np.testing.assert_array_equal(found[0].image, whole[0].image)
        assert found[1].key != whole[1].key
        assert found[0].key == whole[0].key
    with pytest.raises(InputError, match="has no 'other'"):
        list(Loader(lacking, **settings).epoch(0))


@pytest.mark.parametrize("workers", [0, 3])
def test_a_case_that_cannot_be_loaded(tmp_path, workers):
    cohort = make_cohort(tmp_path, 5)
    (tmp_path / "a1.nii.gz").write_bytes(b"nothing")
    (tmp_path / "a3.nii.gz").unlink()
    loader = Loader(cohort, prepare=Scaled(), order="cohort", workers=workers)
    samples = loader.epoch(0)
    assert next(samples).id == "c0"
    with pytest.raises(InputError, match="case c1: ") as told:
        next(samples)
    assert "\n" not in str(told.value)
    skipping = Loader(cohort, prepare=Scaled(), order="cohort", workers=workers, on_error="skip")
    for _ in range(2):
        assert [sample.id for sample in skipping.epoch(0)] == ["c0", "c2", "c4"]
    assert [problem.id for problem in skipping.problems] == ["c1", "c3"]
    assert "no such file" in str(skipping.problems[1]).lower()


def test_wrong_use_is_told(cohort):
    with pytest.raises(UsageError):
        Loader(cohort, prepare=Scaled(), images=())
    with pytest.raises(UsageError):
        Loader(cohort, prepare=Scaled()).shard(2, 2)
    with pytest.raises(UsageError, match="one id"):
        Loader(Cohort(cohort.cases * 2, cohort.root), prepare=Scaled())
    with pytest.raises(InputError, match="has no 'x', only 'image', 'other'"):
        list(Loader(cohort, prepare=Scaled(), images=("x",)).epoch(0))


def test_leaving_in_the_middle_ends_the_threads(cohort):
    samples = Loader(cohort, prepare=Scaled(), workers=4).epoch(0)
    next(samples)
    samples.close()
    with pytest.raises(StopIteration):
        next(samples)


@settings(max_examples=4, deadline=None)
@given(memory_mib=st.sampled_from([24, 40]), workers=st.sampled_from([0, 3]), cached=st.booleans())
def test_memory_stays_within_the_budget(big_cohort, tmp_path_factory, memory_mib, workers, cached):
    """72 MiB of prepared arrays, of which a loader may hold a third or a half."""
    cache = Cache(tmp_path_factory.mktemp("cache")) if cached else None
    loader = Loader(big_cohort, prepare=Scaled(), memory_mib=memory_mib, workers=workers, cache=cache)
    tracemalloc.start()
    try:
        sums = [{sample.id: float(sample.image.sum()) for sample in loader.epoch(number)} for number in range(2)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= memory_mib * 2**20
    assert sums[0] == sums[1]
    assert len(sums[0]) == 36
    assert loader.notes == ()


@pytest.fixture(scope="module")
def big_cohort(tmp_path_factory):
    root = tmp_path_factory.mktemp("big")
    for n in range(36):
        nib.save(nib.Nifti1Image(np.full((64, 64, 128), n, np.int16), np.eye(4)), root / f"{n}.nii.gz")
    return Cohort(tuple(Case(id=f"{n}", images={"image": f"{n}.nii.gz"}) for n in range(36)), root)


def test_a_case_larger_than_the_budget_is_loaded_with_a_note(big_cohort):
    loader = Loader(big_cohort.where(lambda case: case.id == "3"), prepare=Scaled(), memory_mib=2)
    (sample,) = loader.epoch(0)
    assert float(sample.image.max()) == 3
    (note,) = loader.notes
    assert "2 MiB of memory were given" in note


def test_repeats_come_in_rounds_and_are_changed_anew(cohort):
    loader = Loader(cohort, prepare=Scaled(), augment=Shifted(), repeats=3, workers=2)
    once = Loader(cohort, prepare=Scaled(), augment=Shifted())
    count = len(cohort)
    ids = loader.ids(2)
    assert len(loader) == loader.total == len(ids) == 3 * count
    assert all(sorted(ids[n * count : (n + 1) * count]) == sorted(once.ids(2)) for n in range(3))
    assert ids[:count] == once.ids(2)
    samples = list(loader.epoch(2))
    same(samples[:count], list(once.epoch(2)))
    first = [sample.image for sample in samples if sample.id == samples[0].id]
    assert len(first) == 3
    assert (first[0] != first[1]).any()
    shards = [loader.shard(rank, 2).ids(2) for rank in range(2)]
    assert sorted(shards[0] + shards[1]) == sorted(ids)


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    cohort = make_cohort(tmp_path_factory.mktemp("cohort"), 7)
    return Loader(cohort, prepare=Scaled(), masks=("mask",), augment=Shifted())


def test_batches_hold_the_samples_in_order(loader):
    samples = list(loader.epoch(2))
    made = list(batches(loader, 2, 3))
    assert [len(ids_of(batch)) for batch in made] == [3, 3, 1]
    assert sum((ids_of(batch) for batch in made), ()) == tuple(sample.id for sample in samples)
    np.testing.assert_array_equal(np.concatenate([batch.images for batch in made]), [s.image for s in samples])
    np.testing.assert_array_equal(np.concatenate([b.masks["mask"] for b in made]), [s.masks["mask"] for s in samples])
    np.testing.assert_array_equal(np.concatenate([b.labels_BN for b in made]), [s.labels_N for s in samples])
    assert all(batch.images.flags.c_contiguous and batch.images.flags.writeable for batch in made)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(1, 3), st.integers(0, 3))
def test_shards_have_equally_many_full_batches(loader, size, world, epoch):
    shards = [list(batches(loader.shard(rank, world), epoch, size, drop_last=True)) for rank in range(world)]
    assert {len(shard) for shard in shards} == {7 // world // size}
    assert all(len(ids_of(batch)) == size for shard in shards for batch in shard)
    ids = [one for shard in shards for batch in shard for one in ids_of(batch)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("drop_last", [False, True])
def test_going_on_in_the_middle(loader, drop_last):
    whole = list(batches(loader, 1, 2, drop_last=drop_last))
    rest = list(batches(loader, 1, 2, drop_last=drop_last, start=2))
    assert [ids_of(batch) for batch in rest] == [ids_of(batch) for batch in whole[2:]]
    np.testing.assert_array_equal(rest[0].images, whole[2].images)


def test_unlike_samples_make_no_batch(tmp_path):
    for n, (size, kind) in enumerate([(4, np.int16), (4, np.int16), (5, np.int16)]):
        nib.save(nib.Nifti1Image(np.zeros((size, 4, 3), kind), np.eye(4)), tmp_path / f"{n}.nii")
    cases = tuple(Case(id=f"c{n}", images={"image": f"{n}.nii"}) for n in range(3))
    unlike = Loader(Cohort(cases, tmp_path), prepare=Scaled(), order="cohort")
    with pytest.raises(UsageError, match=r"cases c0 and c2 .* \(1, 4, 4, 3\) float32 and \(1, 5, 4, 3\) float32"):
        list(batches(unlike, 0, 3))
    with pytest.raises(UsageError):
        batches(unlike, 0, 0)


def test_skipped_cases_leave_no_holes(tmp_path):
    cohort = make_cohort(tmp_path, 5)
    (tmp_path / "a2.nii.gz").unlink()
    skipping = Loader(cohort, prepare=Scaled(), order="cohort", on_error="skip")
    assert [ids_of(batch) for batch in batches(skipping, 0, 2)] == [("c0", "c1"), ("c3", "c4")]
    assert [ids_of(batch) for batch in batches(skipping, 0, 3, drop_last=True)] == [("c0", "c1", "c3")]
    with pytest.raises(InputError, match="case c2"):
        list(batches(Loader(cohort, prepare=Scaled(), order="cohort"), 0, 2))


def test_a_loaded_case_knows_its_id_and_size():
    case = Case(id="a", images={"image": "x"}, facts={"age": 7})
    loaded = LoadedCase(case, np.zeros((2, 3), np.float32), np.zeros(0, np.float32), "k", {"m": np.zeros(5, np.uint8)})
    assert loaded.id == "a"
    assert loaded.case.facts == {"age": 7}
    assert loaded.nbytes == 29
    assert str(Problem("a", "is gone")) == "case a: is gone"


@pytest.mark.data
def test_real_scans_come_as_they_are_opened(tmp_path):
    """Cines, static MR and a folder of DICOM instances; from the files and from the cache."""
    from vesalius.scan.open import open_scan

    root = real("hippocampus-msd").parent
    paths = [
        *sorted(root.glob("hippocampus-msd/imagesTr/*.nii.gz"))[:3],
        *sorted(root.glob("cine-*/*/*_4d.nii.gz"))[:1],
        root / "ct-head-tilted-dicom",
    ]
    cases = tuple(Case(id=f"{n}", images={"image": path.relative_to(root).as_posix()}) for n, path in enumerate(paths))
    loader = Loader(
        Cohort(cases, root), prepare=Scaled(), cache=Cache(tmp_path), memory_mib=64, workers=2, order="cohort"
    )
    for epoch in range(2):
        for sample, path in zip(loader.epoch(epoch), paths, strict=True):
            np.testing.assert_array_equal(sample.image, open_scan(path).values()[:, 0])
    assert not loader.problems
