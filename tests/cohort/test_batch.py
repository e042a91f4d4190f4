import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohort.loading import Scaled, Shifted, make_cohort
from vesalius.cohort.batch import batches
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from vesalius.errors import InputError, UsageError


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    cohort = make_cohort(tmp_path_factory.mktemp("cohort"), 7)
    return Loader(cohort, prepare=Scaled(), masks=("mask",), augment=Shifted())


def test_batches_hold_the_samples_in_order(loader):
    samples = list(loader.epoch(2))
    made = list(batches(loader, 2, 3))
    assert [len(batch.ids) for batch in made] == [3, 3, 1]
    assert sum((batch.ids for batch in made), ()) == tuple(sample.id for sample in samples)
    np.testing.assert_array_equal(np.concatenate([batch.images for batch in made]), [s.image for s in samples])
    np.testing.assert_array_equal(np.concatenate([b.masks["mask"] for b in made]), [s.masks["mask"] for s in samples])
    np.testing.assert_array_equal(np.concatenate([b.labels_BN for b in made]), [s.labels_N for s in samples])
    assert all(batch.images.flags.c_contiguous and batch.images.flags.writeable for batch in made)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(1, 3), st.integers(0, 3))
def test_shards_have_equally_many_full_batches(loader, size, world, epoch):
    shards = [list(batches(loader.shard(rank, world), epoch, size, drop_last=True)) for rank in range(world)]
    assert {len(shard) for shard in shards} == {7 // world // size}
    assert all(len(batch.ids) == size for shard in shards for batch in shard)
    ids = [one for shard in shards for batch in shard for one in batch.ids]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("drop_last", [False, True])
def test_going_on_in_the_middle(loader, drop_last):
    whole = list(batches(loader, 1, 2, drop_last=drop_last))
    rest = list(batches(loader, 1, 2, drop_last=drop_last, start=2))
    assert [batch.ids for batch in rest] == [batch.ids for batch in whole[2:]]
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
    assert [batch.ids for batch in batches(skipping, 0, 2)] == [("c0", "c1"), ("c3", "c4")]
    assert [batch.ids for batch in batches(skipping, 0, 3, drop_last=True)] == [("c0", "c1", "c3")]
    with pytest.raises(InputError, match="case c2"):
        list(batches(Loader(cohort, prepare=Scaled(), order="cohort"), 0, 2))
