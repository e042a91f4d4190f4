"""`compress_scan` end to end: every type exactly, every target as an independent reader measures it."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.scans import (
    DTYPES,
    Kept,
    decoded,
    noise,
    of_specials,
    options_for,
    same_bits,
    scan_of,
    seeds,
    shapes,
    smooth,
    write_nifti,
)
from codec.second_decoder import decode as second_decode
from vesalius.codec import compress as module
from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import open_vsl, restore
from vesalius.codec.options import CompressConfig, Lossless, MaxError, Psnr, Quality, Ratio
from vesalius.errors import InputError, OutputError, TargetError, UsageError
from vesalius.scan.intensity import Intensity
from vesalius.scan.nifti import read as nifti
from vesalius.scan.scan import Scan

LOSSY = Psnr(40), Ratio(20), MaxError(5)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("make", [noise, of_specials])
def test_lossless_is_exact_for_every_number_type(tmp_path, dtype, make):
    stored = make(dtype, (2, 2, 5, 4, 2))
    done = compress_scan(scan_of(stored), tmp_path / "a.vsl", CompressConfig(coder="deflate", threads=1))
    assert same_bits(decoded(tmp_path / "a.vsl"), stored)
    assert same_bits(second_decode((tmp_path / "a.vsl").read_bytes()), stored)
    assert done.bytes_written == (tmp_path / "a.vsl").stat().st_size
    assert done.tiers[0].psnr_db is None


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(DTYPES), shapes(4), seeds, st.sampled_from(["slice", "frame"]), st.integers(0, 2))
def test_lossless_is_exact_for_every_shape(tmp_path_factory, dtype, shape, seed, access, kind):
    path = tmp_path_factory.mktemp("shape") / "a.vsl"
    if kind == 2:
        stored = np.full(shape, of_specials(dtype, (1,), seed)[0], dtype=dtype)
    else:
        stored = (noise, of_specials)[kind](dtype, shape, seed)
    compress_scan(scan_of(stored), path, CompressConfig(coder="jpegxl", access=access, threads=1))
    assert same_bits(decoded(path), stored)
    assert same_bits(second_decode(path.read_bytes()), stored)


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1, 1), (1, 1, 64, 1, 1), (1, 1, 1, 64, 3), (3, 1, 17, 9, 1), (1, 7, 33, 31, 2), (2, 3, 8, 8, 2)]
)
@pytest.mark.parametrize("effort", ["normal", "best"])
def test_auto_finds_a_coder_for_every_shape(tmp_path, shape, effort):
    stored = smooth(shape)
    done = compress_scan(scan_of(stored), tmp_path / "a.vsl", CompressConfig(effort=effort, threads=1))
    assert same_bits(decoded(tmp_path / "a.vsl"), stored)
    assert "against" in done.tiers[0].why


CASES = {
    "u2": smooth((1, 3, 30, 26, 2), np.uint16),
    "i2 negative": (smooth((1, 3, 30, 26, 2)) - 1500).astype(">i2"),
    "u1 colour": smooth((3, 1, 30, 26, 2), np.uint8, 250),
    "f4": smooth((1, 3, 30, 26, 2), np.float32, 1000) / np.float32(7),
    "f8 integers": smooth((1, 3, 30, 26, 2), np.float64),
    "i8": smooth((1, 2, 30, 26, 2), np.int64),
}


def with_holes(stored):
    stored = stored.copy()
    stored[0, 0, 3, 4, 0], stored[0, 0, 5, 6, 0], stored[0, 0, 0, 0, 1] = np.nan, np.inf, -np.inf
    return stored


def real_of(path, tmp_path):
    """Real values of a tier by a reader that is not ours: restored to NIfTI and read by nibabel."""
    target = tmp_path / f"{path.stem}-back.nii"
    restore(open_vsl(path), target, threads=1)
    return np.asanyarray(nib.load(target).dataobj).astype(np.float64)


def measured(original, back):
    """PSNR in dB and largest error over the finite values, by the definitions of the package, in NumPy."""
    inside = np.isfinite(original)
    np.testing.assert_array_equal(back[~inside], original[~inside])
    error = back[inside] - original[inside]
    low, high = np.percentile(original[inside], [0.1, 99.9])
    with np.errstate(divide="ignore"):
        return 20 * np.log10((high - low) / np.sqrt(np.mean(error**2))), np.abs(error).max()


def nifti_of(tmp_path, stored, **scaling):
    """A NIfTI file of an array (1, T, I, J, K), its scan, and its real values by nibabel."""
    path = write_nifti(tmp_path / "in.nii", np.ascontiguousarray(stored[0].transpose(1, 2, 3, 0)), **scaling)
    return nifti.read(path), np.asanyarray(nib.load(path).dataobj).astype(np.float64)


LOSSY_CASES = {
    "u2": {},
    "i2 negative": {"slope": 0.5, "inter": -1024.0},
    "f4": {"slope": -3.3, "inter": 7.25},
    "f4 holes": {},
    "f8 integers": {},
}


@pytest.mark.parametrize("coder", ["auto", "jpegxl", "jpeg2000", "x265", "svtav1"])
@pytest.mark.parametrize("name", LOSSY_CASES)
def test_psnr_holds_for_another_reader(tmp_path, name, coder):
    stored = with_holes(CASES["f4"]) if name == "f4 holes" else CASES[name]
    scan, original = nifti_of(tmp_path, stored, **LOSSY_CASES[name])
    done = compress_scan(scan, tmp_path / "a.vsl", CompressConfig(psnr=38.5, coder=coder, threads=1))
    psnr, largest = measured(original, real_of(tmp_path / "a.vsl", tmp_path))
    assert psnr >= 38.5
    assert done.tiers[0].psnr_db == pytest.approx(psnr, abs=1e-6)
    assert done.tiers[0].max_error == pytest.approx(largest, rel=1e-9)
    np.testing.assert_allclose(second_decode((tmp_path / "a.vsl").read_bytes()), decoded(tmp_path / "a.vsl"), rtol=0)


@pytest.mark.parametrize("coder", ["auto", "deflate", "jpegls", "x265", "svtav1"])
@pytest.mark.parametrize(("name", "error"), [("u2", 4), ("i2 negative", 3.5), ("f4", 2.5), ("f4 holes", 0.4)])
def test_max_error_holds_for_another_reader(tmp_path, name, error, coder):
    stored = with_holes(CASES["f4"]) if name == "f4 holes" else CASES[name]
    scan, original = nifti_of(tmp_path, stored, **LOSSY_CASES[name])
    done = compress_scan(scan, tmp_path / "a.vsl", CompressConfig(max_error=error, coder=coder, threads=1))
    back = real_of(tmp_path / "a.vsl", tmp_path)
    _, largest = measured(original, back)
    assert largest <= error
    assert largest > 0
    assert done.tiers[0].max_error == pytest.approx(largest, rel=1e-9)
    assert same_bits(second_decode((tmp_path / "a.vsl").read_bytes()), decoded(tmp_path / "a.vsl"))


@pytest.mark.parametrize("name", CASES)
def test_every_real_type_can_be_lossy(tmp_path, name):
    for number, target in enumerate((Psnr(35), MaxError(3))):
        path = tmp_path / f"{number}.vsl"
        compress_scan(scan_of(CASES[name]), path, options_for(target, coder="jpegxl", threads=1))
        back = decoded(path)
        assert back.dtype == CASES[name].dtype
        psnr, largest = measured(CASES[name].astype(np.float64), back.astype(np.float64))
        assert psnr >= 35 if number == 0 else largest <= 3


def test_every_slice_may_have_its_own_slope(tmp_path):
    stored = CASES["u2"]
    slope = np.random.default_rng(1).uniform(0.2, 9, (3, 2))
    inter = np.random.default_rng(2).uniform(-50, 50, (3, 2))
    real = stored * slope[None, :, None, None, :] + inter[None, :, None, None, :]
    scan = scan_of(stored, intensity=Intensity(slope, inter))
    for target in (Psnr(36), MaxError(11)):
        path = tmp_path / f"{target.words}.vsl"
        done = compress_scan(scan, path, options_for(target, coder="jpegxl", threads=1))
        back = decoded(path) * slope[None, :, None, None, :] + inter[None, :, None, None, :]
        psnr, largest = measured(real, back)
        assert psnr >= 36 if isinstance(target, Psnr) else largest <= 11
        assert done.tiers[0].max_error == pytest.approx(largest)


def rough(shape, sigma=25):
    draw = np.random.default_rng(0)
    return (smooth(shape, np.int16, 2000) + draw.normal(0, sigma, shape)).astype(np.int16)


def check_ratio(path, stored, ratio, **options):
    done = compress_scan(scan_of(stored), path, CompressConfig(ratio=ratio, threads=1, **options))
    reached = 2 * stored.size / path.stat().st_size
    assert path.stat().st_size >= 20_000
    assert ratio <= reached <= 1.05 * ratio
    assert done.ratio == reached
    return done


@pytest.mark.parametrize("coder", ["svtav1", "x265", "jpeg2000", "jpegxl"])
def test_a_ratio_is_reached_and_at_most_five_percent_more(tmp_path, coder):
    check_ratio(tmp_path / "a.vsl", rough((1, 4, 96, 88, 3)), 8, coder=coder)


@pytest.mark.parametrize("ratio", [9.5, 14, 23])
def test_a_small_file_reaches_its_ratio_and_at_most_a_quarter_more(tmp_path, ratio):
    stored, path = rough((1, 3, 64, 60, 3)), tmp_path / "a.vsl"
    done = compress_scan(scan_of(stored), path, CompressConfig(ratio=ratio, coder="jpegxl", threads=1))
    assert path.stat().st_size < 20_000
    assert ratio <= 2 * stored.size / path.stat().st_size <= 1.25 * ratio
    assert done.tiers[0].target == f"ratio {ratio:g}:1"


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [4, 13, 21, 25])
@pytest.mark.parametrize("coder", ["svtav1", "x265", "jpeg2000", "jpegxl", "auto"])
def test_more_ratios_are_reached_and_at_most_five_percent_more(tmp_path, coder, ratio):
    check_ratio(tmp_path / "a.vsl", rough((1, 6, 96, 96, 8)), ratio, coder=coder)


def test_auto_takes_a_coder_that_lands_where_the_best_cannot(tmp_path):
    """One chunk and a ladder of large steps: there is no rung near enough to the target."""
    stored = rough((1, 2, 120, 120, 1), 60)
    check_ratio(tmp_path / "a.vsl", stored, 2.5, effort="best")


def unreachable():
    flat = smooth((1, 2, 16, 16, 2), np.uint16)
    return {
        "psnr": (CASES["u2"], Psnr(150), {"coder": "svtav1"}, "--psnr"),
        "ratio of a tiny scan": (flat, Ratio(500), {"coder": "jpegxl"}, "--ratio"),
        "ratio below the best quality": (flat, Ratio(0.01), {"coder": "jpegxl"}, "--ratio"),
    }


@pytest.mark.parametrize("name", ["psnr", "ratio of a tiny scan", "ratio below the best quality"])
def test_targets_out_of_reach_write_nothing_and_name_the_best(tmp_path, name):
    stored, target, options, option = unreachable()[name]
    with pytest.raises(TargetError, match=r"\d") as caught:
        compress_scan(scan_of(stored), tmp_path / "a.vsl", options_for(target, threads=1, **options))
    assert caught.value.where == option
    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_best_that_is_named_can_be_reached(tmp_path):
    scan = scan_of(CASES["u2"])
    with pytest.raises(TargetError) as caught:
        compress_scan(scan, tmp_path / "a.vsl", CompressConfig(psnr=150, coder="svtav1", threads=1))
    best = float(caught.value.what.split("the best is ")[1].split(" dB")[0])
    compress_scan(scan, tmp_path / "a.vsl", CompressConfig(psnr=best - 0.1, coder="svtav1", threads=1))
    with pytest.raises(TargetError) as caught:
        compress_scan(scan, tmp_path / "b.vsl", CompressConfig(ratio=5000, coder="jpegxl", threads=1))
    best = float(caught.value.what.split("the best is ")[1].split(":1")[0])
    done = compress_scan(scan, tmp_path / "b.vsl", CompressConfig(ratio=best * 0.97, coder="jpegxl", threads=1))
    assert done.ratio == pytest.approx(best, rel=0.25)


def test_psnr_without_contrast_says_so(tmp_path):
    stored = np.zeros((1, 1, 64, 64, 4), dtype=np.uint8)
    stored[0, 0, 1, 1, 1] = 200  # 1 voxel of 16384: both percentiles are 0
    with pytest.raises(TargetError, match="means nothing"):
        compress_scan(scan_of(stored), tmp_path / "a.vsl", CompressConfig(psnr=40, threads=1))
    compress_scan(scan_of(stored), tmp_path / "a.vsl", CompressConfig(max_error=3, threads=1))
    assert abs(int(decoded(tmp_path / "a.vsl").max()) - 200) <= 3


@pytest.mark.parametrize("target", [Psnr(40), MaxError(2)])
@pytest.mark.parametrize("dtype", ["<u2", ">f4"])
def test_constants_and_nothing_finite_can_be_lossy(tmp_path, target, dtype):
    stored = np.full((1, 2, 9, 8, 2), 7, dtype=dtype)
    compress_scan(scan_of(stored), tmp_path / "a.vsl", options_for(target, coder="jpegxl", threads=1))
    assert same_bits(decoded(tmp_path / "a.vsl"), stored)
    if stored.dtype.kind == "f":
        stored[...] = np.nan
        compress_scan(scan_of(stored), tmp_path / "b.vsl", options_for(target, coder="jpegxl", threads=1))
        assert np.isnan(decoded(tmp_path / "b.vsl")).all()


def test_a_bound_below_the_resolution_is_kept_losslessly(tmp_path):
    for number, (stored, error) in enumerate([(CASES["u2"], 0.5), (CASES["f4"], 1e-9), (CASES["i8"] + 2**60, 100)]):
        path = tmp_path / f"{number}.vsl"
        done = compress_scan(scan_of(stored), path, CompressConfig(max_error=error, coder="deflate", threads=1))
        assert same_bits(decoded(path), stored)
        assert "below the stored resolution" in done.tiers[0].why
        assert done.tiers[0].target == MaxError(error).words


@pytest.mark.parametrize("stored", [np.array([-1.7e308, 1.7e308, 0.5, 3.0]), np.array([5e-324, 1e-310, 0.0, 3e-310])])
def test_extreme_ranges(tmp_path, stored):
    stored = stored.reshape(1, 1, 2, 2, 1)
    compress_scan(scan_of(stored), tmp_path / "a.vsl", CompressConfig(max_error=1e299, coder="deflate", threads=1))
    assert np.abs(decoded(tmp_path / "a.vsl") / 2 - stored / 2).max() <= 0.5e299
    compress_scan(scan_of(stored), tmp_path / "b.vsl", CompressConfig(coder="deflate", threads=1))
    assert same_bits(decoded(tmp_path / "b.vsl"), stored)


def test_several_tiers_live_in_one_file(tmp_path):
    stored = CASES["f4"]
    for number, target in enumerate([Psnr(35), MaxError(2.0)]):
        path = tmp_path / f"{number}.vsl"
        done = compress_scan(scan_of(stored), path, options_for(Lossless(), target, coder="jpegxl", threads=1))
        assert [tier.name for tier in done.tiers] == ["lossless", "lossy"]
        assert same_bits(decoded(path), stored)
        lossy = decoded(path, "lossy")
        psnr, largest = measured(stored.astype(np.float64), lossy.astype(np.float64))
        assert psnr >= 35 if number == 0 else 0 < largest <= 2.0
        assert same_bits(second_decode(path.read_bytes(), 0), stored)
        np.testing.assert_allclose(second_decode(path.read_bytes(), 1), lossy, rtol=0)


def test_the_header_keeps_what_the_scan_says(tmp_path):
    scan = scan_of(
        smooth((1, 3, 6, 5, 2)),
        geometry=np.diag([1.5, -2.0, 8.0, 1.0]),
        intensity=Intensity.linear(0.1, -1024.0, "HU"),
        frame_ms=(0.0, 33.3, 66.6),
        t_meaning="time",
        modality="CT",
        problems=("one thing",),
        native=Kept({"first": b"abc", "second": b""}),
    )
    compress_scan(scan, tmp_path / "a.vsl", CompressConfig(coder="deflate", threads=1))
    file = open_vsl(tmp_path / "a.vsl")
    back = module.Header.model_validate(file.header)
    assert (back.modality, back.t_meaning, back.frame_ms, back.problems) == ("CT", "time", scan.frame_ms, scan.problems)
    assert file.packed().blobs == {"first": b"abc", "second": b""}
    assert file.packed().facts == {"kept": True}


def test_facts_that_no_file_can_hold_are_refused_in_one_line(tmp_path):
    scan = scan_of(smooth((1, 2, 6, 5, 2)), frame_ms=(0.0, float("nan")))
    with pytest.raises(InputError, match="its frame_ms"):
        compress_scan(scan, tmp_path / "a.vsl", CompressConfig(coder="deflate", threads=1))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_asked(tmp_path):
    scan, path = scan_of(CASES["u2"]), tmp_path / "a.vsl"
    for targets in (
        [Psnr(40), MaxError(3)],
        [Psnr(40), Ratio(5)],
        [Lossless(), Psnr(40), MaxError(3)],
        [Lossless(), Ratio(5)],
    ):
        with pytest.raises(UsageError):
            compress_scan(scan, path, options_for(*targets, threads=1))
    for target, coder in [
        (Lossless(), "svtav1"),
        (Psnr(40), "deflate"),
        (Psnr(40), "nonsense"),
        (MaxError(3), "nonsense"),
        (Quality(1e9), "jpegxl"),
    ]:
        with pytest.raises(UsageError):
            compress_scan(scan, path, options_for(target, coder=coder, threads=1))
    for dtype in ("?", "c8", "g"):
        for target in LOSSY:
            with pytest.raises(UsageError, match="losslessly only"):
                compress_scan(scan_of(np.zeros((1, 1, 4, 4, 1), dtype=dtype)), path, options_for(target, threads=1))
    with pytest.raises(UsageError, match="cannot be given back"):
        compress_scan(Scan.from_array(CASES["u2"]), path, CompressConfig(threads=1))
    with pytest.raises(InputError, match="empty"):
        compress_scan(scan_of(np.zeros((1, 1, 0, 4, 1))), path, CompressConfig(threads=1))
    huge = np.broadcast_to(np.zeros((), np.uint8), (1, 1, 1 << 14, 1 << 13, 1))
    with pytest.raises(InputError, match="larger than the format"):
        compress_scan(scan_of(huge), path, CompressConfig(threads=1))
    long = np.broadcast_to(np.zeros((), np.uint8), (1, 1 << 15, 1, 1, 9))
    with pytest.raises(UsageError, match="--access"):
        compress_scan(scan_of(long), path, CompressConfig(threads=1, access="frame"))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_refused_before_any_work(tmp_path, monkeypatch):
    path = tmp_path / "a.vsl"
    path.write_bytes(b"mine")
    monkeypatch.setattr(module, "survey", None)
    with pytest.raises(OutputError, match="exists already"):
        compress_scan(scan_of(CASES["u2"]), path, CompressConfig(threads=1))
    assert path.read_bytes() == b"mine"
    monkeypatch.undo()
    compress_scan(scan_of(CASES["u2"]), path, CompressConfig(coder="deflate", threads=1), force=True)
    assert same_bits(decoded(path), CASES["u2"])


def test_quality_is_one_rung_of_the_ladder(tmp_path):
    ladder = module.coder_named("jpegxl").qualities
    sizes = []
    for step in ladder[:: len(ladder) // 4]:
        path = tmp_path / f"{step}.vsl"
        compress_scan(scan_of(CASES["u2"]), path, CompressConfig(quality=step, coder="jpegxl", threads=2))
        sizes.append(path.stat().st_size)
    assert sizes == sorted(sizes, reverse=True)


def test_threads_change_nothing(tmp_path):
    scan = scan_of(smooth((1, 6, 24, 20, 3)))
    for number, threads in enumerate((1, 3)):
        compress_scan(
            scan, tmp_path / f"{number}.vsl", CompressConfig(psnr=40, coder="jpegxl", access="frame", threads=threads)
        )
    assert (tmp_path / "0.vsl").read_bytes() == (tmp_path / "1.vsl").read_bytes()
    assert len(open_vsl(tmp_path / "0.vsl").chunking) == 18


def test_a_coder_that_lies_is_found_out(tmp_path, monkeypatch):
    deflate = type(module.coder_named("deflate"))
    monkeypatch.setattr(deflate, "decode", lambda self, data, shape, bits, threads: np.zeros(shape, np.uint16))
    with pytest.raises(AssertionError, match="did not give back"):
        compress_scan(scan_of(CASES["u2"]), tmp_path / "a.vsl", CompressConfig(coder="deflate", threads=1))
    assert list(tmp_path.iterdir()) == []
