import re

import numpy as np
from PIL import Image

from tasks.evaluate.codec.fake import cine, cine_scan
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.pictures import DrawnPoint, draw, slug
from vesalius.tasks.evaluate.codec.results import Measures, Point
from vesalius.tasks.evaluate.codec.studies import Study

BOX = (slice(6, 18), slice(5, 16), slice(1, 3))
STUDY = Study("set", "p 1", None, None, 1)


def restored(coder, ratio, picture):
    measures = Measures(psnr_db=33.0, ssim=0.9, max_error=1.0, temporal_error=None)
    point = Point(
        coder=coder, step=1.0, size_bytes=2, tier_bytes=1, ratio=ratio, whole=measures, heart=measures,
        encode_ms=1.0, decode_ms=1.0,
    )  # fmt: skip
    return DrawnPoint(point, picture)


def test_pictures_at_the_ratios_people_ask_for(tmp_path):
    scan, picture = cine_scan(), cine()[0, 2, :, :, 1].astype(float)
    points = [restored("a", ratio, picture + ratio / 10) for ratio in (20, 90, 130, 900)]
    points += [restored("b", ratio, picture) for ratio in (20, 70, 300)]
    pictures = draw(STUDY, scan, (2, 1), BOX, points, tmp_path)
    assert [one.file.split("-", 3)[0] for one in pictures] == ["set"] * 4
    assert [one.file.split("-")[-2:] for one in pictures] == [
        ["100", "whole.png"], ["100", "heart.png"], ["1000", "whole.png"], ["1000", "heart.png"]
    ]  # fmt: skip
    for one in pictures:
        with Image.open(tmp_path / one.file) as image:
            assert image.format == "PNG"
    assert "frame 2, slice 1" in pictures[0].caption
    assert "No file" not in pictures[0].caption
    assert "No file of b is near" in pictures[2].caption


def test_what_reaches_none_of_these_ratios_is_drawn_at_its_own(tmp_path):
    picture = cine()[0, 0, :, :, 0].astype(float)
    points = [restored("a", ratio, picture) for ratio in (4, 11, 30)]
    (one,) = draw(STUDY, cine_scan(), (0, 0), None, points, tmp_path)
    assert one.file.split("-")[-2:] == ["11", "whole.png"]
    assert draw(STUDY, cine_scan(), (0, 0), None, [], tmp_path) == ()


def test_flat_pictures_without_geometry(tmp_path):
    scan = Scan.from_array(np.full((1, 1, 8, 8, 1), 5.0))
    pictures = draw(STUDY, scan, (0, 0), None, [restored("a", 100, np.full((8, 8), 6.0))], tmp_path)
    assert len(pictures) == 1


def test_names_of_files_are_safe_and_differ():
    texts = ["patient006", "a/b c", "a-b c", "a b-c", "...", "", "é"]
    names = [slug(text) for text in texts]
    assert names[0] == "patient006"
    assert len(set(names)) == len(texts)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", name) for name in names)
