import numpy as np

from vesalius.tasks.third_axis import ThirdAxis
from vesalius.transforms.transform import Chain, Sample

NOTHING = Chain(transforms=())


def test_time_becomes_the_third_axis_of_one_slice():
    x_CTIJK = np.arange(2 * 3 * 4 * 5 * 6.0).reshape(2, 3, 4, 5, 6)
    axis = ThirdAxis("time", NOTHING)
    slices = set()
    for seed in range(20):
        params = axis.draw(np.random.default_rng(seed))
        volume = axis.apply_to(Sample(x_CTIJK), params).image
        assert volume.shape == (2, 4, 5, 3)
        k = next(k for k in range(6) if volume[0, 0, 0, 0] == x_CTIJK[0, 0, 0, 0, k])
        np.testing.assert_array_equal(volume[1, :, :, 2], x_CTIJK[1, 2, :, :, k])
        slices.add(k)
    assert len(slices) > 3
    middle = ThirdAxis("time", NOTHING, middle=True)
    params = middle.draw(np.random.default_rng(0))
    assert middle.apply_to(Sample(x_CTIJK), params).image[0, 0, 0, 0] == x_CTIJK[0, 0, 0, 0, 3]


def test_depth_stays():
    x_CIJK = np.ones((1, 4, 4, 2))
    axis = ThirdAxis("depth", Chain(transforms=[{"name": "scale_shift"}]))
    assert axis.apply_to(Sample(x_CIJK), axis.draw(np.random.default_rng(0))).image.shape == x_CIJK.shape
