"""The page as its users see it, in headless Chromium."""

import math
import re

import numpy as np
import pytest
from PIL import Image

from app.browser import Visitor, chromium, page_server
from tasks.generate.small import CAPTIONS, disc
from vesalius.scan.synthetic import read_stamp

pytestmark = pytest.mark.slow  # minutes, because Chromium draws without a GPU


@pytest.fixture(scope="module")
def browser():
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        shown = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield shown
        shown.close()


@pytest.fixture(scope="module")
def address(browser, disc_models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    with page_server(folder / "tmp", "make/discs", models=disc_models) as url:
        yield url


@pytest.fixture
def visit(browser, address):
    """visit(tab): a new user on that tab; at the end none has asked another host for anything."""
    visitors = []

    def one(tab, **looks):
        visitors.append(Visitor(browser, address, tab, **looks))
        return visitors[-1]

    yield one
    for visitor in visitors:
        visitor.close()
        assert visitor.hosts <= {"127.0.0.1", ""}  # the others are data: and blob:


def _paint(page):
    """Fill an area in the middle of the mask with the mouse."""
    page.locator("#generate-mask canvas").first.wait_for()
    page.locator("#generate-mask button[aria-label=Brush]").click(force=True)
    page.wait_for_timeout(1500)
    box = page.locator("#generate-mask canvas").first.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    half = min(box["width"], box["height"]) / 5
    page.mouse.move(middle[0] - half, middle[1] - half)
    page.mouse.down()
    for turn in range(-4, 5):
        row = middle[1] + turn * half / 4
        page.mouse.move(middle[0] + half, row, steps=3)
        page.mouse.move(middle[0] - half, row + half / 8, steps=3)
    page.mouse.up()
    page.wait_for_timeout(1500)


def test_a_mask_is_drawn_a_picture_generated_judged_and_downloaded(visit, tmp_path):
    visitor = visit("generate")
    page = visitor.page
    _paint(page)
    page.get_by_label("Caption", exact=True).fill(CAPTIONS["bright"])
    page.get_by_label("Pictures").fill("1")
    page.locator("#generate-judge input").click(force=True)
    page.get_by_role("option", name="find/discs").click(force=True)
    visitor.start()
    visitor.says("Done")
    caption = page.locator("#generate-gallery").get_by_text("seed 0").first.inner_text()
    dice = float(re.search(r"Dice disc (\d\.\d\d)", caption)[1])
    assert not math.isnan(dice)
    assert 0.2 < dice <= 1
    with page.expect_download() as waiting:
        page.locator("#generate-saved a[download]").first.click(force=True)
    file = tmp_path / "made.png"
    waiting.value.save_as(file)
    stamp = read_stamp(file)
    assert (stamp.model, stamp.caption, stamp.seed) == ("discs", CAPTIONS["bright"], 0)
    assert stamp.mask_sha256
    with Image.open(file) as picture:
        assert picture.size == (16, 16)
    assert "Research use only, not a medical device" in page.inner_text("#tab-generate")


def test_two_users_at_once_get_what_each_dropped(visit, tmp_path):
    users = [visit("predict"), visit("predict")]
    for number, user in enumerate(users):
        picture, _, _ = disc(2 * number + 1)
        file = tmp_path / f"user{number}.png"
        Image.fromarray(np.stack([picture] * 3, -1)).save(file)
        user.page.locator("#predict-model input").click(force=True)
        user.page.get_by_role("option", name="find/discs").click(force=True)
        user.drop(file)
    for user in users:
        user.start()
    for number, user in enumerate(users):
        user.says("Done")
        assert "disc %" in user.page.inner_text("#predict-facts")
        assert f"user{number}" in user.page.inner_text("#predict-saved")
        assert user.page.locator("#predict-view img").is_visible()


def test_a_scan_is_compressed_and_looked_at_slice_by_slice(visit, make_nifti):
    visitor = visit("compress", width=390, scheme="dark")
    page = visitor.page
    visitor.drop(make_nifti((24, 20, 6)))
    page.get_by_label("At least this PSNR").check(force=True)
    page.get_by_label("PSNR in dB").fill("40")
    visitor.start()
    visitor.says("Done")
    facts = page.inner_text("#compress-facts")
    assert float(re.search(r"PSNR\s+([\d.]+) dB", facts)[1]) >= 40
    assert re.search(r"compressed\s+.*bytes", facts)
    images = [page.locator(f"#compress-{name} img") for name in ("original", "restored", "error")]
    assert all(image.is_visible() for image in images)
    before = images[0].get_attribute("src")
    page.locator("#compress-slice input[type=number]").fill("0")
    page.locator("#compress-slice input[type=number]").press("Enter")
    page.wait_for_function(
        "before => document.querySelector('#compress-original img').getAttribute('src') != before", arg=before
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_damaged_upload_is_one_line_without_a_path(visit, tmp_path):
    visitor = visit("compress")
    for name, content in (("bad.nii.gz", b"\x1f\x8b no gzip"), ("bad.zip", b"PK\x03\x04 no zip")):
        (tmp_path / name).write_bytes(content)
        visitor = visit("compress")
        visitor.drop(tmp_path / name)
        visitor.start()
        line = visitor.says(name)
        assert "\n" not in line.strip()
        assert "/" not in line
