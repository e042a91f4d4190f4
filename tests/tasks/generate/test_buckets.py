from pathlib import Path

from tasks.generate.small import config, write_discs
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest
from vesalius.tasks.generate.buckets import Bucket, Buckets, in_buckets
from vesalius.tasks.generate.config import Size
from vesalius.tasks.generate.task import GenerateTask

SQUARE, WIDE, LARGE = (Size(rows=rows, columns=columns) for rows, columns in ((16, 16), (12, 20), (32, 32)))


def cases(*names):
    return Cohort(tuple(Case.build(id=name, images={"image": f"{name}.png"}) for name in names), Path())


def test_a_case_goes_to_the_size_of_its_aspect_and_to_every_scale():
    cohort = cases("a", "b")
    aspects = {"a": 1.0, "b": 1.8}
    found = in_buckets(cohort, [SQUARE, WIDE, LARGE], aspects.__getitem__, lambda part, size: part)
    assert {bucket.size: [case.id for case in bucket.loader] for bucket in found} == {
        SQUARE: ["a"],
        WIDE: ["b"],
        LARGE: ["a", "b"],
    }


def test_one_size_asks_no_case_for_its_aspect():
    def refuse(case_id):
        raise AssertionError(case_id)

    assert len(in_buckets(cases("a"), [SQUARE], refuse, lambda part, size: part)) == 1


def test_batches_have_one_size_and_ranks_share_them(tmp_path):
    manifest = write_discs(tmp_path, 24)
    sizes = [{"rows": 16, "columns": 16, "repeats": 2}, {"rows": 32, "columns": 32}]
    task = GenerateTask(config(manifest, sizes=sizes), {name: part(manifest, name) for name in ("train", "val")})
    whole = [(batch["image"].shape[2], batch["id"]) for batch in task.batches(0, 0, 0, 1)]
    assert len(whole) == task.batches_per_epoch() == 2 * 16 // 4 + 16 // 4
    assert {side for side, _ in whole} == {16, 32}
    shares = [[batch["id"] for batch in task.batches(0, 0, rank, 2)] for rank in (0, 1)]
    assert all(sorted(one + two) == sorted(ids) for one, two, (_, ids) in zip(*shares, whole, strict=True))


def test_an_epoch_goes_on_where_it_was_left(tmp_path):
    manifest = write_discs(tmp_path, 24)
    sizes = [{"rows": 16, "columns": 16, "repeats": 2}, {"rows": 32, "columns": 32}]
    task = GenerateTask(config(manifest, sizes=sizes), {name: part(manifest, name) for name in ("train", "val")})
    whole = [batch["image"] for batch in task.batches(1, 0, 0, 1)]
    later = [batch["image"] for batch in task.batches(1, 5, 0, 1)]
    assert len(later) == len(whole) - 5
    assert all(one.equal(other) for one, other in zip(whole[5:], later, strict=True))


def test_the_order_of_sizes_differs_between_epochs_and_not_between_runs(tmp_path):
    manifest = write_discs(tmp_path, 24)
    task = GenerateTask(config(manifest), {name: part(manifest, name) for name in ("train", "val")})
    loader = task._training._buckets[0].loader
    buckets = Buckets([Bucket(SQUARE, loader), Bucket(WIDE, loader)], 4, seed=0)
    assert buckets._order(0) == Buckets([Bucket(SQUARE, loader), Bucket(WIDE, loader)], 4, seed=0)._order(0)
    assert buckets._order(0) != buckets._order(1)


def part(manifest, name):
    return read_manifest(manifest).where(lambda case: case.split == name)
