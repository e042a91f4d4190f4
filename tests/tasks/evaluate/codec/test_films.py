import numpy as np
import pytest
from PIL import Image

from tasks.evaluate.codec.fake import FakeCodec, cine, cine_scan, write_cohort
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.config import CodecEvaluationConfig
from vesalius.tasks.evaluate.codec.films import MOST_LOSSY, Screen
from vesalius.tasks.evaluate.codec.studies import Study, find_studies
from vesalius.tasks.evaluate.codec.study import evaluate_study
from vesalius.transforms.view import view_of
from vesalius.transforms.window import DISPLAY_PERCENT, percentile_range


def measured(study, folder, codec, points=4):
    config = CodecEvaluationConfig(tuple(codec.shares), ("jpegxl",), points)
    return evaluate_study(study, codec, config, lambda line: None, threads=1, figures=folder)


@pytest.fixture
def study(tmp_path):
    return find_studies([write_cohort(tmp_path / "cohort", patients=1)])[0]


def test_films_at_about_equal_bytes(study, tmp_path):
    result = measured(study, tmp_path, FakeCodec({"svtav1": 1.0, "tokens:m": 0.5}))
    seen = result.viewer
    assert [pane.title for pane in seen.panes] == [
        "Original", "Lossless (jpegxl)", "tokens:m", "svtav1", "Error of tokens:m x 5", "Error of svtav1 x 5",
    ]  # fmt: skip
    assert [pane.column for pane in seen.panes] == [0, 0, 0, 0, 3, 4]
    assert (seen.columns, len(seen.frames), seen.frame, seen.slices) == (4, 6, 4, [1])  # Info.cfg: ES is frame 5
    smallest = max(min(point.tier_bytes for point in result.of(coder)) for coder in ("svtav1", "tokens:m"))
    for pane, coder in zip(seen.panes[2:4], ("tokens:m", "svtav1"), strict=True):
        point = min(result.of(coder), key=lambda point: abs(np.log(point.tier_bytes / smallest)))
        assert f"{point.heart.psnr_db:.1f} dB" in pane.lines[2]
        assert pane.lines[1].startswith(f"file {point.size_bytes:,} B")
    assert seen.panes[0].sheets == seen.panes[1].sheets  # lossless
    (i, j, _) = result.heart
    assert (seen.width, seen.height) == (i[1] - i[0], j[1] - j[0])
    scan = study.scan()
    values = scan.values()[0, :, slice(*i), slice(*j), 1]
    low, high = percentile_range(values[4], *DISPLAY_PERCENT)
    expected = np.rint(np.clip((values - low) / (high - low), 0, 1) * 255)
    view, sheet = view_of(scan, "upright"), np.asarray(Image.open(tmp_path / seen.panes[0].sheets[0]))
    for t in range(6):
        row, column = divmod(t, seen.across)
        first = sheet[row * seen.height :, column * seen.width :][: seen.height, : seen.width]
        assert np.abs(first - view.turn(expected[t])).max() <= 1


def test_the_whole_field_where_no_heart_is_known():
    screen = Screen(cine_scan(), (2, 1), None)
    assert screen.region == "whole field"
    assert screen.film(cine()).shape == (6, 20, 24)


@pytest.mark.parametrize(("slices", "places"), [(3, [0, 1, 2]), (1, None)])
def test_a_still_scan_is_seen_slice_by_slice_and_a_picture_not_at_all(slices, places, tmp_path):
    scan = Scan.from_array(np.random.default_rng(0).integers(0, 99, (12, 11, slices)).astype(np.int16))
    study = Study("set", "one", None, lambda: scan, 1)
    seen = measured(study, tmp_path, FakeCodec()).viewer
    assert (seen and (seen.slices, seen.frames)) == (places and (places, [0]))


def test_time_between_frames_and_too_many_coders(tmp_path):
    starts = tuple(40.0 * n for n in range(6))
    study = Study("set", "one", None, lambda: cine_scan(frame_ms=starts), 1)
    codec = FakeCodec({f"c{n}": 1.0 + n for n in range(MOST_LOSSY + 2)})
    film = measured(study, tmp_path, codec, points=2).viewer
    assert film.frame_ms == 40
    assert "in its own time" in film.caption
    assert len(film.panes) == 2 + 2 * MOST_LOSSY


@pytest.mark.parametrize(
    ("between_ms", "words"), [(2000.0, "faster than its own time, 2,000 ms"), (2.0, "slower than"), (None, "unknown")]
)
def test_a_film_says_where_it_is_not_shown_in_its_own_time(tmp_path, between_ms, words):
    starts = None if between_ms is None else tuple(between_ms * n for n in range(6))
    study = Study("set", "one", None, lambda: cine_scan(frame_ms=starts), 1)
    film = measured(study, tmp_path, FakeCodec({"svtav1": 1.0}), points=2).viewer
    assert words in film.caption
    assert "in its own time." not in film.caption
    assert 20 <= film.frame_ms <= 400
