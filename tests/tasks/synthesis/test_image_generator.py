import numpy as np
import pytest
from PIL import Image

from vesalius.errors import ConfigError, InputError
from vesalius.tasks.synthesis.image_generator import ImageGenerator


@pytest.fixture(scope="module")
def generator(model):
    return ImageGenerator(model, device="cpu")


def pixels(picture):
    return np.asarray(picture).astype(int)


def test_the_same_call_gives_the_same_picture(generator):
    call = {"caption": "a bright disc", "num_inference_steps": 2, "guidance_scale": 7.5, "seed": 42}
    picture = generator.generate(**call)
    assert (picture.mode, picture.size) == ("RGB", (16, 16))
    assert picture.info["synthetic"]
    assert (picture.info["caption"], picture.info["seed"]) == ("a bright disc", 42)
    assert (pixels(picture) == pixels(generator.generate(**call))).all()
    assert (pixels(picture) != pixels(generator.generate(**{**call, "seed": 43}))).any()
    assert generator.generate(image_size=32, num_inference_steps=1).size == (32, 32)
    assert generator.generate(image_size=(16, 32), num_inference_steps=1).size == (32, 16)  # Pillow: columns first


def test_a_mask_may_be_a_picture_an_array_or_a_file(generator, tmp_path):
    labels = np.zeros((24, 24), np.uint8)
    labels[6:18, 4:12] = 1
    Image.fromarray(labels).save(tmp_path / "m.png")
    given = [labels, Image.fromarray(labels), tmp_path / "m.png", np.stack([labels] * 3, -1), labels.astype(bool)]
    made = [pixels(generator.generate(mask=mask, num_inference_steps=1)) for mask in given]
    assert all((picture == made[0]).all() for picture in made[1:])


def test_bad_input_is_one_line(generator):
    for error, call, says in (
        (ConfigError, {"num_inference_steps": 0}, "steps: 0 was given"),
        (ConfigError, {"guidance_scale": float("nan")}, "guidance: nan was given"),
        (ConfigError, {"sampler": "ddim"}, "sampler: 'ddim' was given"),
        (InputError, {"mask": np.arange(48).reshape(4, 4, 3)}, "mask: is no label map"),
        (InputError, {"mask": np.full((16, 16), 9)}, "a mask holds 9"),
    ):
        with pytest.raises(error, match=says):
            generator.generate(**call)
