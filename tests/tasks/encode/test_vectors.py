import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from tasks.detect.tiny import AFFINE, STEPS, head, make_cohort, make_encoder, prepare
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import InputError
from vesalius.phantom.nifti import write_nifti
from vesalius.scan.open import open_scan
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.tasks.encode.vectors import extract
from vesalius.transforms.contract import InputContract

ALL = SliceConfig()


@pytest.fixture
def encoder(tmp_path):
    return Encoder.from_pretrained(make_encoder(tmp_path / "encoder"))


@pytest.fixture
def cohort(tmp_path):
    return read_manifest(make_cohort(tmp_path / "data", patients=3, per_patient=1))


def test_each_slice_of_each_case_once(encoder, cohort, tmp_path):
    found = extract(cohort, encoder, ALL, tmp_path / "cache")
    assert (found.encoded, found.problems, len(found.store)) == (3, [], 18)
    for case in cohort:
        key = found.keys[case.id]
        slices = Slices.of(open_scan(cohort.path(case.images["image"])), prepare())
        np.testing.assert_allclose(found.store.rows(key), encoder.embed(slices, np.arange(6)), atol=1e-5)
        assert found.store.items(key).tolist() == list(range(6))
    again = extract(cohort, encoder, ALL, tmp_path / "cache")
    assert (again.encoded, again.keys) == (0, found.keys)


def test_another_path_hits(encoder, cohort, tmp_path):
    extract(cohort, encoder, ALL, tmp_path / "cache")
    shutil.copytree(tmp_path / "data", tmp_path / "moved")
    (tmp_path / "moved" / "p00s0.nii.gz").rename(tmp_path / "moved" / "other.nii.gz")
    cases = [Case(id="renamed", images={"image": "other.nii.gz"}), *cohort.cases[1:]]
    assert extract(Cohort(tuple(cases), tmp_path / "moved"), encoder, ALL, tmp_path / "cache").encoded == 0


def test_a_changed_voxel_window_weight_or_choice_misses(encoder, cohort, tmp_path):
    cache = tmp_path / "cache"
    extract(cohort, encoder, ALL, cache)
    image = head(0, False)
    image[3, 3, 3] += 1
    write_nifti(tmp_path / "data" / "p00s0.nii.gz", image[None], AFFINE)
    assert extract(cohort, encoder, ALL, cache).encoded == 1
    window = InputContract(prepare=prepare(({**STEPS[0], "clip": [0, 80]}, *STEPS[1:])))
    assert extract(cohort, encoder.prepared_by(window), ALL, cache).encoded == 3
    assert extract(cohort, Encoder.from_pretrained(make_encoder(tmp_path / "b", 1)), ALL, cache).encoded == 3
    few = extract(cohort, encoder, SliceConfig(stride=2), cache)
    assert few.encoded == 3
    assert few.store.items(few.keys["p01s0"]).tolist() == [0, 2, 4]
    assert extract(cohort, encoder, ALL, cache).encoded == 0
    write_nifti(tmp_path / "data" / "p02s0.nii.gz", with_air(head(2, False)), AFFINE)
    bodies = extract(cohort, encoder, SliceConfig(least_body=0.02), cache)
    assert bodies.encoded == 3
    assert bodies.store.items(bodies.keys["p02s0"]).tolist() == [1, 2, 3, 4]  # as numbered in the scan


def with_air(image):
    """Nothing but air at both ends."""
    image[:, :, [0, -1]] = -1000
    return image[None]


@pytest.mark.parametrize("ahead", [0, 2, 9])
def test_as_many_ahead_as_wanted(encoder, cohort, tmp_path, ahead):
    one = extract(cohort, encoder, ALL, tmp_path / "one")
    other = extract(cohort, encoder, ALL, tmp_path / "other", ahead=ahead)
    assert (other.encoded, other.keys) == (one.encoded, one.keys)
    np.testing.assert_array_equal(other.store.features, one.store.features)


def test_bad_cases_stop_or_are_told(encoder, cohort, tmp_path):
    (tmp_path / "data" / "p01s0.nii.gz").write_bytes(b"no scan")
    with pytest.raises(InputError, match=r"^[^:]*p01s0.nii.gz: [^:]*, or skip .*data.skip_invalid"):
        extract(cohort, encoder, ALL, tmp_path / "cache")
    told = []
    found = extract(cohort, encoder, ALL, tmp_path / "cache", skip_invalid=True, progress=told.append)
    assert sorted(found.keys) == ["p00s0", "p02s0"]
    assert [one.id for one in found.problems] == ["p01s0"]
    assert found.encoded == 1  # the first one was kept when the first run stopped
    assert told[-1] == "3 of 3 scans, 1 of them encoded now, 1 cannot be read"
    assert str(tmp_path) not in found.problems[0].reason


def test_values_that_are_no_image_are_told_with_their_file(encoder, cohort, tmp_path):
    write_nifti(tmp_path / "data" / "p01s0.nii.gz", np.full((1, 4, 4, 2), np.nan, np.float32), AFFINE)
    with pytest.raises(InputError, match=r"p01s0.nii.gz: the scan holds NaN .*; replace them .*, or skip"):
        extract(cohort, encoder, ALL, tmp_path / "cache")
    found = extract(cohort, encoder, ALL, tmp_path / "cache", skip_invalid=True)
    assert [one.id for one in found.problems] == ["p01s0"]


@pytest.mark.parametrize(("count", "most"), [(3, 1), (14, 3), (41, 15)])
def test_few_lines_of_progress_and_none_where_all_is_there(encoder, cohort, tmp_path, count, most):
    path = cohort.path(cohort.cases[0].images["image"])
    scan = open_scan(path).stored()
    cases = []
    for number in range(count):
        np.save(tmp_path / f"{number}.npy", scan[0, 0][:, :, :1] + np.int16(number))
        cases.append(Case(id=str(number), images={"image": f"{number}.npy"}))
    told = []
    plain = encoder.prepared_by(InputContract(prepare=prepare().model_copy(update={"plane": "native"})))
    extract(Cohort(tuple(cases), tmp_path), plain, ALL, tmp_path / "cache", progress=told.append)
    assert 1 <= len(told) <= most
    assert told[-1] == f"{count} of {count} scans, {count} of them encoded now"
    told.clear()
    extract(Cohort(tuple(cases), tmp_path), plain, ALL, tmp_path / "cache", progress=told.append)
    assert told == []


def test_a_long_extraction_says_how_long_it_takes(encoder, cohort, tmp_path, monkeypatch):
    """A line every 5 s at first, later whenever another twentieth of the time has passed; the rest is reckoned."""
    clock = iter(range(0, 10_000, 6))
    monkeypatch.setattr("vesalius.tasks.encode.vectors.time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    told = []
    extract(cohort, encoder, ALL, tmp_path / "cache", progress=told.append)
    assert told == [
        "1 of 3 scans, 1 of them encoded now, about 12 s left",
        "2 of 3 scans, 2 of them encoded now, about 6 s left",
        "3 of 3 scans, 3 of them encoded now",
    ]


def test_an_interrupted_run_goes_on(encoder, cohort, tmp_path, monkeypatch):
    real, seen = Encoder.embed, []

    def stops(self, slices, numbers, batch=16):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(1)
        return real(self, slices, numbers, batch)

    monkeypatch.setattr(Encoder, "embed", stops)
    with pytest.raises(KeyboardInterrupt):
        extract(cohort, encoder, ALL, tmp_path / "cache")
    monkeypatch.setattr(Encoder, "embed", real)
    assert extract(cohort, encoder, ALL, tmp_path / "cache").encoded == 1


def test_nothing(encoder, tmp_path):
    assert extract(Cohort((), tmp_path), encoder, ALL, tmp_path / "cache").keys == {}
