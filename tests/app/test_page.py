"""The page as its users see it, in headless Chromium."""

import re

import numpy as np
import pytest
from PIL import Image

from app.browser import Visitor, chromium, page_server
from tasks.generate.small import CAPTIONS, disc
from vesalius.scan.synthetic import read_stamp


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


@pytest.mark.slow
def test_a_page_from_the_first_stroke_to_the_last_job(visit, tmp_path, make_nifti):
    """A mask is drawn, a picture made, judged and downloaded, scans predicted and compressed, a job cancelled."""
    visitor = visit("generate")
    page = visitor.page
    visitor.paint()
    page.get_by_label("Caption", exact=True).fill(CAPTIONS["bright"])
    page.get_by_label("Pictures").fill("1")
    visitor.choose("judge", "find/discs")
    visitor.start()
    visitor.says("Done")
    caption = page.locator("#generate-gallery").get_by_text("seed 0").first.inner_text()
    assert 0.2 < float(re.search(r"Dice disc (\d\.\d\d)", caption)[1]) <= 1
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

    wide = tmp_path / "wide.png"
    Image.fromarray(np.ones((16, 24), np.uint8)).save(wide)
    page.locator("input[type=file]:has(+ #generate-upload)").set_input_files(str(wide))
    assert "has 16 x 24 pixels, which do not have the shape of a picture of 16 x 16" in visitor.says("do not have")

    visitor.open("predict")
    picture, _, _ = disc(3)
    Image.fromarray(np.stack([picture] * 3, -1)).save(tmp_path / "seen.png")
    visitor.choose("model", "find/discs")
    visitor.drop(tmp_path / "seen.png")
    visitor.start()
    visitor.says("Done")
    assert "disc %" in page.inner_text("#predict-facts")
    page.locator("#predict-view img").wait_for()

    visitor.open("compress")
    visitor.drop(make_nifti((12, 10, 4)))
    visitor.start()
    visitor.says("Done")
    assert "every value is kept" in page.inner_text("#compress-facts")

    visitor.open("generate")
    page.get_by_label("Steps").fill("1000")
    page.get_by_label("Pictures").fill("16")
    visitor.start()
    visitor.says("Step")
    page.locator("#generate-cancel").click(force=True)
    visitor.says("Cancelled")


@pytest.mark.slow
def test_two_users_at_once_get_what_each_dropped(visit, tmp_path):
    users = [visit("predict"), visit("predict")]
    for number, user in enumerate(users):
        picture, _, _ = disc(2 * number + 1)
        file = tmp_path / f"user{number}.png"
        Image.fromarray(np.stack([picture] * 3, -1)).save(file)
        user.choose("model", "find/discs")
        user.drop(file)
    for user in users:
        user.start()
    for number, user in enumerate(users):
        user.says("Done")
        assert "disc %" in user.page.inner_text("#predict-facts")
        assert f"user{number}" in user.page.inner_text("#predict-saved")
        assert user.page.locator("#predict-view img").is_visible()


@pytest.mark.slow
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


@pytest.mark.slow
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
