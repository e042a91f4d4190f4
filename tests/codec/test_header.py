import json
import math

import numpy as np
import pytest

from codec.scans import DTYPES
from vesalius.codec.header import Header, Tail, display_model, geometry_model, intensity_model, scan_facts
from vesalius.errors import CorruptFileError
from vesalius.scan.display_state import DisplayState, VoiTable, VoiWindow
from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack

TIER = {
    "name": "lossless",
    "kind": "lossless",
    "coder": "deflate",
    "coder_id": 1,
    "coder_version": 1,
    "frames_per_chunk": 2,
    "exact": True,
}
LOSSY, BOUNDED = ({**TIER, "name": "lossy", "kind": kind} for kind in ("lossy", "bounded"))
PLAIN = {
    "tool": "vesalius 0.1.0",
    "shape": [1, 2, 3, 4, 5],
    "dtype": "<i2",
    "intensity": {"slope": [[1.0]], "inter": [[0.0]]},
    "peak": 7.5,
    "format": "nifti",
    "tiers": [TIER],
}


def test_absent_keys_have_the_defaults_of_the_format():
    header = Header.parse(PLAIN)
    assert header.geometry is None
    assert header.frame_ms is None
    assert (header.t_meaning, header.modality, header.colour) == ("unknown", "unknown", "grey")
    assert (header.problems, header.facts, header.folder, header.native_blobs, header.blobs) == ((), {}, False, (), ())
    lossless, lossy, bounded = Header.parse({**PLAIN, "tiers": [TIER, LOSSY, BOUNDED]}).tiers
    assert header.tiers == (lossless,)
    assert (lossless.whole, lossless.low, lossless.table_blob) == (False, 0, None)
    for tier in (lossy, bounded):
        assert (tier.low, tier.step, tier.masked) == (0, 1.0, False)
    assert (bounded.base_coder_id, bounded.base_low, bounded.base_step) == (None, 0.0, 1.0)


def test_unknown_keys_are_ignored():
    assert Header.parse({**PLAIN, "new": 1, "tiers": [{**TIER, "later": "x"}]}) == Header.parse(PLAIN)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_number_type_can_be_named(dtype):
    assert np.dtype(Header.parse({**PLAIN, "dtype": dtype.str}).dtype) == dtype


WRONG = {
    "shape.missing": ("shape", None),
    "shape.short": ("shape", [1, 2, 3]),
    "shape.zero": ("shape", [1, 2, 0, 4, 5]),
    "shape.negative": ("shape", [1, 2, -3, 4, 5]),
    "shape.huge": ("shape", [1, 2, 2**31 + 1, 1, 1]),
    "shape.product": ("shape", [2**31] * 5),
    "shape.float": ("shape", [1, 2, 3.5, 4, 5]),
    "shape.text": ("shape", ["1", 2, 3, 4, 5]),
    "shape.bool": ("shape", [True, 2, 3, 4, 5]),
    "dtype.object": ("dtype", "|O8"),
    "dtype.text": ("dtype", "<U4"),
    "dtype.void": ("dtype", "|V4"),
    "dtype.size": ("dtype", "<i3"),
    "dtype.list": ("dtype", "<i2,<i2"),
    "dtype.number": ("dtype", 5),
    "peak.negative": ("peak", -1.0),
    "peak.nan": ("peak", math.nan),
    "peak.inf": ("peak", math.inf),
    "intensity": ("intensity", {"slope": [[1.0]]}),
    "intensity.nan": ("intensity", {"slope": [[math.nan]], "inter": [[0.0]]}),
    "geometry.kind": ("geometry", {"kind": "sphere"}),
    "geometry.short": ("geometry", {"kind": "grid", "affine": [1.0] * 15}),
    "frame_ms": ("frame_ms", [0.0, math.inf]),
    "t_meaning": ("t_meaning", "space"),
    "colour": ("colour", "red"),
    "tiers.none": ("tiers", []),
    "tiers.many": ("tiers", [TIER] * 9),
    "tiers.kind": ("tiers", [{**TIER, "kind": "other"}]),
    "tiers.step": ("tiers", [{**LOSSY, "step": 0.0}]),
    "tiers.step.negative": ("tiers", [{**BOUNDED, "step": -1.0}]),
    "tiers.base_step": ("tiers", [{**BOUNDED, "base_step": 0.0}]),
    "tiers.coder": ("tiers", [{**TIER, "coder_id": 256}]),
    "tiers.frames": ("tiers", [{**TIER, "frames_per_chunk": 0}]),
    "tiers.table": ("tiers", [{**TIER, "table_length": 65537}]),
    "blobs.length": ("blobs", [{"name": "x", "length": -1}]),
    "blobs.huge": ("blobs", [{"name": "x", "length": 2**29 + 1}]),
    "facts": ("facts", []),
}


@pytest.mark.parametrize("name", WRONG)
def test_impossible_values_are_named(name):
    key, value = WRONG[name]
    with pytest.raises(CorruptFileError, match="the header has an impossible value") as caught:
        Header.parse({**PLAIN, key: value})
    assert "\n" not in str(caught.value)
    assert key in str(caught.value) or "Error" in str(caught.value)


MISFITS = {
    "frame_ms": [0.0],
    "intensity": {"slope": [[1.0, 2.0]], "inter": [[0.0, 0.0]]},
    "geometry": {"kind": "stack", "slices": [[0.0] * 9]},
}


@pytest.mark.parametrize("key", MISFITS)
def test_facts_that_do_not_fit_the_shape_are_refused(key):
    with pytest.raises(CorruptFileError, match="does not fit"):
        scan_facts(Header.parse({**PLAIN, key: MISFITS[key]}))


RAGGED = [
    {"intensity": {"slope": [[1.0], [1.0, 2.0]], "inter": [[0.0]]}},
    {"intensity": {"slope": [[1.0]], "inter": [[0.0, 1.0]]}},
    {"geometry": {"kind": "stack", "slices": [[0.0] * 9] * 4 + [[0.0]]}},
    {"geometry": {"kind": "grid", "affine": [0.0] * 16}},
]


@pytest.mark.parametrize("facts", RAGGED)
def test_ragged_tables_and_singular_grids_are_refused(facts):
    with pytest.raises(CorruptFileError, match="does not fit"):
        scan_facts(Header.parse({**PLAIN, **facts}))


def through_json(model):
    return json.loads(json.dumps(model.model_dump(mode="json", exclude_defaults=True)))


def test_floats_come_back_to_the_last_bit():
    rng = np.random.default_rng(3)
    affine = np.eye(4)
    affine[:3] = rng.normal(0, 1e3, (3, 4)) * 10.0 ** rng.integers(-12, 12, (3, 4))
    affine[:3, :3] += np.diag(np.abs(affine[:3, :3]).sum(axis=0)) + np.eye(3)
    slope, inter = rng.normal(0, 1, (2, 2, 5)) / 3
    scan = Scan.from_array(np.zeros((1, 2, 3, 4, 5)), affine, intensity=Intensity(slope, inter, "HU"))
    raw = {
        **PLAIN,
        "geometry": through_json(geometry_model(scan)),
        "intensity": through_json(intensity_model(scan.intensity)),
        "frame_ms": [0.1, 1 / 3],
    }
    facts = scan_facts(Header.parse(raw))
    assert facts["geometry"].tobytes() == scan.geometry.tobytes()
    assert facts["intensity"].slope_TK.tobytes() == slope.tobytes()
    assert facts["intensity"].inter_TK.tobytes() == inter.tobytes()
    assert facts["intensity"].unit == "HU"
    assert facts["frame_ms"] == (0.1, 1 / 3)


def test_stacks_come_back():
    rng = np.random.default_rng(4)
    stack = SliceStack(*rng.normal(0, 1, (3, 5, 3)), 8.0)
    scan = Scan.from_array(np.zeros((1, 2, 3, 4, 5)), geometry=stack)
    back = scan_facts(Header.parse({**PLAIN, "geometry": through_json(geometry_model(scan))}))["geometry"]
    for name in ("origins_K3", "steps_i_K3", "steps_j_K3"):
        np.testing.assert_array_equal(getattr(back, name), getattr(stack, name))
    assert back.thickness_mm == 8.0


def test_no_geometry_is_kept_as_such():
    assert geometry_model(Scan.from_array(np.zeros((1, 2, 3, 4, 5)))) is None


def test_large_offsets_come_back_exactly():
    header = Header.parse({**PLAIN, "tiers": [{**TIER, "low": 2**64 - 1}]})
    assert header.tiers[0].low == 2**64 - 1
    assert isinstance(header, Header)


def test_tails():
    tail = Tail.parse(
        {"tiers": [{"sha256": "00", "psnr_db": 40.5, "max_error": 1.0, "note": "why"}, {}], "lengths": []}
    )
    assert (tail.tiers[0].psnr_db, tail.tiers[1].sha256, tail.tiers[1].tolerance) == (40.5, None, 0.0)
    for wrong in ({}, {"tiers": 5}, {"tiers": [{"psnr_db": math.inf}]}, {"tiers": [{"tolerance": "x"}]}):
        with pytest.raises(CorruptFileError, match="the tail has an impossible value"):
            Tail.parse(wrong)


@pytest.mark.parametrize(
    "shown",
    [
        DisplayState(),
        DisplayState(VoiWindow(40.5, 80, "SIGMOID"), (-3.0, -1.5), 1.5, ("R", "F")),
        DisplayState(VoiTable(-7, 12, np.arange(0, 4096, dtype="<u2").tobytes())),
    ],
)
def test_how_a_scan_is_shown_returns(shown):
    stored = display_model(shown)
    header = Header.parse(PLAIN | ({} if stored is None else {"display_state": json.loads(stored.model_dump_json())}))
    assert scan_facts(header)["display_state"] == shown


@pytest.mark.parametrize("shown", [{"window": [3, 0]}, {"entries": "AAA"}, {"entries": "AAAA", "bits": 12}])
def test_an_impossible_way_to_show_is_refused(shown):
    with pytest.raises(CorruptFileError, match="does not fit"):
        scan_facts(Header.parse(PLAIN | {"display_state": shown}))
