import pickle

import numpy as np
from PIL import Image

from vesalius.scan.synthetic import Stamp, read_stamp
from vesalius.tasks.synthesis.synthetic_image import synthetic_image

STAMP = Stamp("m", "digest", "細胞", 3, sampling='{"steps": 2}')


def test_files_say_that_they_are_synthetic(tmp_path):
    for channels in (1, 3):
        levels = np.random.default_rng(0).integers(0, 255, (4, 6, channels), np.uint8)
        picture = synthetic_image(levels, STAMP)
        picture.save(tmp_path / "a.png")
        assert read_stamp(tmp_path / "a.png") == STAMP
        with Image.open(tmp_path / "a.png") as again:
            np.testing.assert_array_equal(np.asarray(again).reshape(levels.shape), levels)
        picture.save(tmp_path / "a.jpg", quality=90)
        with Image.open(tmp_path / "a.jpg") as again:
            assert again.info["comment"].decode() == "synthetic: made by m (digest), seed 3, caption '細胞'"


def test_it_is_a_picture_like_others(tmp_path):
    picture = synthetic_image(np.zeros((4, 6, 3), np.uint8), STAMP)
    assert (picture.size, picture.mode, picture.info["seed"]) == ((6, 4), "RGB", 3)
    assert type(picture.resize((3, 2))) is Image.Image
    assert picture.resize((3, 2)).info["synthetic"]
    assert pickle.loads(pickle.dumps(picture)).size == (6, 4)
