import sys

import numpy as np
import pytest
import tifffile

from scan.slides.making import picture, write_slide
from vesalius import memory
from vesalius.errors import InputError, MissingExtraError
from vesalius.scan.region import Region
from vesalius.scan.slides import slide as module
from vesalius.scan.slides.slide import is_slide, open_slide, read_tile


def test_what_a_slide_states(tmp_path):
    write_slide(tmp_path / "x.tif", um_per_pixel=0.25)
    slide = open_slide(tmp_path / "x.tif")
    assert (slide.size, slide.downsamples, slide.um_per_pixel) == ((1024, 768), (1, 2, 4), (0.25, 0.25))
    write_slide(tmp_path / "y.tif", um_per_pixel=None)
    assert open_slide(tmp_path / "y.tif").um_per_pixel is None


@pytest.mark.parametrize(("level", "step"), [(0, 1), (1, 2), (2, 4)])
def test_a_tile_at_the_step_of_a_level_is_that_level(tmp_path, level, step):
    pyramid = write_slide(tmp_path / "x.tif", np.random.default_rng(1).integers(0, 256, (256, 384, 3)).astype(np.uint8))
    scan = read_tile(tmp_path / "x.tif", Region(32, 64, 64 * step, 32 * step, (64, 32)))
    assert (scan.shape, scan.colour, scan.dtype) == ((3, 1, 64, 32, 1), "rgb", np.uint8)
    y, x = 64 // step, 32 // step
    expected = pyramid[level][y : y + 32, x : x + 64]
    np.testing.assert_array_equal(scan.stored()[:, 0, :, :, 0], expected.transpose(2, 1, 0))


def test_between_two_levels_the_finer_one_is_averaged(tmp_path):
    """Along a ramp the mean is known: pixel n of a step s lies at s n + (s - 1) / 2."""
    ramp = np.broadcast_to(np.arange(240, dtype=np.uint8)[None, :, None], (240, 240, 3))
    write_slide(tmp_path / "x.tif", ramp, levels=2)
    tile = read_tile(tmp_path / "x.tif", Region(60, 60, 120, 120, (40, 40))).stored()[0, 0, :, :, 0].astype(float)
    np.testing.assert_allclose(tile[2:-2], (60 + 3 * np.arange(40) + 1)[2:-2, None] * np.ones(40), atol=1)


def test_a_thumbnail_is_the_whole_slide(tmp_path):
    pyramid = write_slide(tmp_path / "x.tif")
    np.testing.assert_array_equal(open_slide(tmp_path / "x.tif").thumbnail(256), pyramid[2])
    assert open_slide(tmp_path / "x.tif").thumbnail(100).shape == (75, 100, 3)
    np.testing.assert_array_equal(open_slide(tmp_path / "x.tif").thumbnail(5000), pyramid[0])


def test_a_replaced_slide_is_opened_again(tmp_path):
    write_slide(tmp_path / "x.tif")
    before = read_tile(tmp_path / "x.tif", Region(0, 0, 8, 8, (8, 8))).stored()
    write_slide(tmp_path / "x.tif", 255 - picture(512, 512))
    assert open_slide(tmp_path / "x.tif").size == (512, 512)
    assert (read_tile(tmp_path / "x.tif", Region(0, 0, 8, 8, (8, 8))).stored() != before).any()


def test_what_is_no_slide_is_refused_in_a_line(tmp_path):
    tifffile.imwrite(tmp_path / "plain.tif", picture(64, 64))
    (tmp_path / "text.svs").write_text("no slide")
    write_slide(tmp_path / "x.tif")
    whole = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) // 2])
    for name in ("plain.tif", "text.svs", "cut.tif"):
        with pytest.raises(InputError, match=rf"{name}: is (no|a damaged) whole-slide image"):
            open_slide(tmp_path / name)
    assert [is_slide(tmp_path / name) for name in ("plain.tif", "x.tif")] == [False, True]
    with pytest.raises(InputError, match=r"gone.svs: cannot be read"):
        open_slide(tmp_path / "gone.svs")
    with pytest.raises(InputError, match=r"x.tif: region/1000,0,25,8/8x8 reaches beyond its 1024 x 768 pixels"):
        read_tile(tmp_path / "x.tif", Region(1000, 0, 25, 8, (8, 8)))


def test_damaged_tiles_are_refused_and_the_others_still_read(tmp_path):
    write_slide(tmp_path / "x.tif", levels=1)
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        start, length = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    data = bytearray((tmp_path / "x.tif").read_bytes())
    data[start : start + length] = b"\xff" * length
    (tmp_path / "x.tif").write_bytes(data)
    for _ in range(2):
        with pytest.raises(InputError, match=r"x.tif: (its pixels cannot be decoded|is a damaged whole-slide image)"):
            read_tile(tmp_path / "x.tif", Region(0, 0, 128, 128, (128, 128))).stored()
    sound = read_tile(tmp_path / "x.tif", Region(256, 256, 128, 128, (128, 128))).stored()
    np.testing.assert_array_equal(sound[:, 0, :, :, 0], picture()[256:384, 256:384].transpose(2, 1, 0))


def test_an_impossible_size_is_refused(tmp_path, monkeypatch):
    write_slide(tmp_path / "x.tif")
    monkeypatch.setattr(module, "_MOST_PIXELS", 1000)
    with pytest.raises(InputError, match=r"x.tif: states an impossible size \(1024 x 768 pixels at level 0\)"):
        open_slide(tmp_path / "x.tif")


def test_memory_is_checked_before_a_region_is_decoded(tmp_path, monkeypatch):
    write_slide(tmp_path / "x.tif", levels=1)
    monkeypatch.setattr(memory, "_limit", 1 << 20)
    with pytest.raises(InputError, match=r"needs 6 MiB of memory, 1 MiB are allowed; .*a pyramid"):
        open_slide(tmp_path / "x.tif").thumbnail(64)
    with pytest.raises(InputError, match="of memory"):
        read_tile(tmp_path / "x.tif", Region(0, 0, 8, 8, (999999999, 999999999))).stored()


def test_without_openslide_the_extra_is_named(tmp_path, monkeypatch):
    write_slide(tmp_path / "x.tif")
    monkeypatch.setitem(sys.modules, "openslide", None)
    with pytest.raises(MissingExtraError, match=r"openslide.* is not installed; .*vesalius\[wsi\]"):
        open_slide(tmp_path / "x.tif")
