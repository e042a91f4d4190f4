import numpy as np
import pytest

from scan.slides.making import GLASS_RGB, TISSUE_RGB, picture, write_slide
from vesalius.scan.slides.slide import open_slide
from vesalius.scan.slides.tissue import tissue_mask, tissue_tiles


def plain(rgb, shape=(60, 80)):
    noise = np.random.default_rng(2).normal(0, 2, (*shape, 3))
    return np.clip(np.round(np.array(rgb) + noise), 0, 255).astype(np.uint8)


def test_tissue_is_found_on_glass():
    truth = np.zeros((384, 512), bool)
    truth[64:256, 64:320] = True
    mask = tissue_mask(picture(512, 384, [(64, 64, 256, 192)]))
    assert (mask & truth).sum() / (mask | truth).sum() > 0.97


@pytest.mark.parametrize(
    ("rgb", "share"), [(GLASS_RGB, 0), ((255, 255, 255), 0), ((4, 0, 3), 0), ((128, 128, 128), 0), (TISSUE_RGB, 1)]
)
def test_slides_of_one_kind_are_not_divided(rgb, share):
    assert tissue_mask(plain(rgb)).mean() == share


def test_tiles_lie_on_a_grid_and_hold_enough_tissue(tmp_path):
    write_slide(tmp_path / "x.tif", picture(1024, 768, [(128, 128, 512, 384)]), um_per_pixel=0.25)
    slide = open_slide(tmp_path / "x.tif")
    tiles = tissue_tiles(slide, (0.25, 0.25), 0.5, 64, 0.5)
    assert {(tile.width, tile.height, tile.size) for tile in tiles} == {(128, 128, (64, 64))}
    assert [(tile.x, tile.y) for tile in tiles] == [(x, y) for y in (128, 256, 384) for x in (128, 256, 384, 512)]
    everywhere = tissue_tiles(slide, (0.25, 0.25), 0.5, 64, 0)
    assert len(everywhere) == 8 * 6
    full = tissue_tiles(slide, (0.25, 0.25), 0.5, 64, 1.0)
    assert {(256, 256), (384, 256)} <= {(tile.x, tile.y) for tile in full}
    assert set(full) <= set(tiles)


def test_steps_that_are_no_whole_number_of_pixels(tmp_path):
    write_slide(tmp_path / "x.tif", picture(1000, 700, [(0, 0, 1000, 700)]), um_per_pixel=0.3)
    tiles = tissue_tiles(open_slide(tmp_path / "x.tif"), (0.3, 0.3), 0.5, 50, 0.5)
    starts = sorted({tile.x for tile in tiles})
    assert starts == [round(n * 50 * 0.5 / 0.3) for n in range(12)]  # no drift: 83.33 pixels each
    assert all(tile.width == 83 and tile.x + tile.width <= 1000 and tile.y + tile.height <= 700 for tile in tiles)


def test_a_slide_smaller_than_a_tile_has_none(tmp_path):
    write_slide(tmp_path / "x.tif", picture(200, 100, [(0, 0, 200, 100)]), levels=1)
    assert tissue_tiles(open_slide(tmp_path / "x.tif"), (0.25, 0.25), 0.5, 64, 0) == []
