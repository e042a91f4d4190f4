from types import SimpleNamespace

import numpy as np
import pytest

from tasks.detect.tiny import make_cohort, make_encoder
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import InputError
from vesalius.tasks.detect.config import DetectData
from vesalius.tasks.detect.cost import left_to_do, slices_of, try_scans
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.slices import SliceConfig
from vesalius.tasks.encode.vectors import extract

EVERY_OTHER = SliceConfig(stride=2)
DATA = DetectData(manifest=("m.jsonl",), encoder="e", slices=EVERY_OTHER, batch=8)
SKIPPING = DATA.model_copy(update={"skip_invalid": True})


@pytest.fixture
def given(tmp_path):
    cohort = read_manifest(make_cohort(tmp_path / "data", patients=6, per_patient=1))
    return cohort, Encoder.from_pretrained(make_encoder(tmp_path / "encoder"))


def test_time_for_a_slice_without_the_first_scan_which_warms_up(given, monkeypatch):
    """Scans of 3 slices: 16 slices are enough, which the sixth scan would reach; each takes a second here."""
    cohort, encoder = given
    clock = iter(np.arange(0.0, 100.0, 1.0))
    monkeypatch.setattr("vesalius.tasks.detect.cost.time", SimpleNamespace(perf_counter=lambda: float(next(clock))))
    trial = try_scans(cohort, encoder, DATA)
    assert [len(rows) for rows in trial.vectors.of_case.values()] == [3] * 6
    assert len(trial.vectors.rows_ND) == 18
    assert trial.cost.measured == 5
    assert trial.cost.slice_seconds == pytest.approx(1 / 3)


def test_what_the_cache_holds_is_not_counted(given, tmp_path):
    cohort, encoder = given
    cache = tmp_path / "cache"
    data = DATA.model_copy(update={"cache": cache})
    assert left_to_do(cohort, encoder, data) == (6, 18, 0)
    assert not cache.exists()
    extract(Cohort(cohort.cases[:2], cohort.root), encoder, EVERY_OTHER, cache)
    assert left_to_do(cohort, encoder, data) == (4, 12, 2)
    every = data.model_copy(update={"slices": SliceConfig()})
    assert left_to_do(cohort, encoder, every)[1:] == (36, 0)  # another choice has a store of its own
    four = data.model_copy(update={"slices": SliceConfig(most=4)})
    assert slices_of(cohort, cohort.cases[0], encoder, four) == 4


def test_scans_that_cannot_be_read(given):
    cohort, encoder = given
    for case in cohort.cases[:2]:
        cohort.path(case.images["image"]).write_bytes(b"nothing")
    with pytest.raises(InputError, match="p00s0"):
        try_scans(cohort, encoder, DATA)
    assert len(try_scans(cohort, encoder, SKIPPING).vectors.rows_ND) == 4 * 3
    bad = Cohort(cohort.cases[:2], cohort.root)
    with pytest.raises(InputError, match="none of the first 2 scans can be read"):
        try_scans(bad, encoder, SKIPPING)
    assert left_to_do(cohort, encoder, DATA)[0] == 4
