"""What holds for every transform."""

import json
from dataclasses import replace

import numpy as np
import pytest

from transforms.every import CASES, EACH, IDS, sample, to_tensor, transform
from vesalius.seeding import generator
from vesalius.transforms.transform import TRANSFORMS, Chain, Transform, read_transform

every = pytest.mark.parametrize(("config", "layout"), EACH, ids=IDS)


def test_none_is_left_out():
    assert {config["name"] for config, _ in CASES} | {"monai", "monai_dict", "torchio"} == set(TRANSFORMS.names())
    for name in TRANSFORMS.names():
        assert TRANSFORMS.name_of(TRANSFORMS.get(name)) == name
        assert issubclass(TRANSFORMS.get(name), Transform)


@every
def test_one_draw_is_one_result_and_the_input_stays(config, layout):
    one, given, untouched = transform(config), sample(layout), sample(layout)
    params = one.draw(generator("test", 3))
    assert params == one.draw(generator("test", 3))
    done = one.apply_to(given, params)
    again = one.apply_to(given, params)
    np.testing.assert_array_equal(done.image, again.image)
    np.testing.assert_array_equal(given.image, untouched.image)
    np.testing.assert_array_equal(given.masks["organ"], untouched.masks["organ"])
    assert (done.image.dtype, done.masks["organ"].dtype) == (np.float32, np.int16)
    assert done.image.ndim == given.image.ndim
    assert done.image.shape[1:] == done.masks["organ"].shape[1:]
    assert set(np.unique(done.masks["organ"])) <= {0, 1}
    assert done.facts == {"age": 3}
    assert np.isfinite(done.image).all()
    if not one.is_random:
        assert params is None or config["name"] == "chain"


@every
def test_draws_differ_where_there_is_something_to_draw(config, layout):
    one = transform(config)
    drawn = {repr(one.draw(generator("draw", n))) for n in range(30)}
    assert (len(drawn) > 1) == one.is_random


@every
def test_the_number_of_channels_is_known_before(config, layout):
    one, given = transform(config), sample(layout)
    some = replace(given, image=given.image[: 1 if config["name"] in ("repeat", "windows") else None])
    assert one.channel_count(len(some.image)) == len(one.apply_to(some, one.draw(generator("count"))).image)


@every
def test_double_precision_stays_and_says_the_same(config, layout):
    one, given = transform(config), sample(layout)
    params = one.draw(generator(5))
    double = type(given)(given.image.astype("f8"), given.masks)
    done = one.apply_to(double, params)
    assert done.image.dtype == np.float64
    np.testing.assert_allclose(one.apply_to(given, params).image, done.image, atol=2e-4)


@every
def test_a_tensor_gives_what_an_array_gives(config, layout):
    torch = pytest.importorskip("torch")
    one, given = transform(config), sample(layout)
    for n in range(4):
        params = one.draw(generator("tensor", n))
        array, tensor = one.apply_to(given, params), one.apply_to(to_tensor(given, torch), params)
        assert isinstance(tensor.image, torch.Tensor)
        assert isinstance(tensor.masks["organ"], torch.Tensor)
        assert (tensor.image.dtype, tensor.masks["organ"].dtype) == (torch.float32, torch.int16)
        np.testing.assert_allclose(tensor.image.numpy(), array.image, atol=2e-5)
        np.testing.assert_array_equal(tensor.masks["organ"].numpy(), array.masks["organ"])


@pytest.mark.parametrize("config", [config for config, _ in CASES], ids=[config["name"] for config, _ in CASES])
def test_digests_follow_names_and_values(config):
    one = transform(config)
    dumped = json.loads(one.model_dump_json())
    assert dumped["name"] == config["name"]
    assert read_transform(dumped) == one
    assert type(one).model_validate(dumped) == one
    assert read_transform(dumped).digest() == one.digest()
    assert len(one.digest()) == 64
    assert Chain(transforms=(one,)).digest() != one.digest()
    seen = {one.digest()}
    for key, value in dumped.items():
        for other in OTHERS.get(key, []):
            if other == value or (key, config["name"]) in UNFIT:
                continue
            seen.add(read_transform({**dumped, key: other}).digest())
    assert len(seen) >= 2 or config["name"] in ("chain", "greyscale")


OTHERS = {
    "axes": ["IJ", "IJK"],
    "degrees": [1.0],
    "sigma": [[0.5, 1.0]],
    "size": [[3, 3], [None, 3]],
    "fill": [9.0],
    "strength": [0.3],
    "factor": [[0.5, 1.0]],
    "bins": [32],
    "above": [0.25],
    "count": [3],
    "mask": ["other"],
    "channels": [7],
    "low": [7.0],
    "plane": ["IK"],
    "p": [0.125],
    "std": [[3.0]],
    "rate": [[0.9, 1.0]],
    "keep": [[0.5, 0.75]],
    "power": [[0.5, 1.0]],
    "label": [2],
    "reach": [2],
    "over": ["all"],
    "windows": ["brain"],
    "kernel": ["linear", "cubic"],
}
UNFIT = {("size", "random_resized_crop")}


def test_digests_are_frozen():
    """They name files in caches: a change throws those away, so it must be meant."""
    chain = Chain.build(transforms=[{"name": "zscore", "over": "nonzero"}, {"name": "flip", "axes": "IJ"}])
    assert chain.digest() == FROZEN
    assert (
        chain.digest()
        == Chain.build(transforms=[{"over": "nonzero", "name": "zscore"}, {"name": "flip", "axes": "IJ"}]).digest()
    )


FROZEN = "2a283a7e521c32cf2efe1ade447175c565878d8fbd088e7958445eb5f51ba553"


@pytest.mark.parametrize("layout", ["CJI", "CIJK", "CTIJK"])
@pytest.mark.parametrize(
    "config",
    [config for config, _ in CASES if config["name"] in ("affine", "elastic", "flip", "random_resized_crop")],
    ids=lambda config: config["name"] + config.get("axes", ""),
)
def test_masks_follow_images(config, layout):
    """Of a picture of two flat halves, the image above a half is the mask, but for what touches the border."""
    if (config, layout) not in EACH:
        pytest.skip("not for this layout")
    one, given = transform(config), sample(layout)
    x = np.zeros_like(given.image)
    x[..., : x.shape[-1] // 2] = 1
    for n in range(5):
        params = one.draw(generator("follow", n))
        image, mask = one.apply(x, params), one.apply_mask(x[:1].astype("i2"), params)
        sure = np.abs(image[:1] - 0.5) > 0.49
        np.testing.assert_array_equal((image[:1] > 0.5)[sure], mask[sure] > 0)
        assert sure.mean() > 0.2
