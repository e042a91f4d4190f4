import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.tasks.third_axis import NO_LABEL, ThirdAxis, over_time
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


@pytest.mark.parametrize("frames", [1, 4])
def test_a_static_scan_has_no_time(frames):
    """Its one frame, alone or repeated by the preparation; a cine may end as it began."""
    x_CTIJK = np.random.default_rng(0).random((1, 1, 3, 4, 5)).repeat(frames, 1)
    axis = ThirdAxis("time", NOTHING)
    params = axis.draw(np.random.default_rng(0))
    with pytest.raises(UsageError, match=r"data\.third: all frames are equal"):
        axis.apply_to(Sample(x_CTIJK), params)
    moves = np.concatenate([x_CTIJK, x_CTIJK + 1, x_CTIJK], 1)
    assert axis.apply_to(Sample(moves), params).image.shape == (1, 3, 4, 2 * frames + frames)


def test_depth_stays():
    x_CIJK = np.ones((1, 4, 4, 2))
    axis = ThirdAxis("depth", Chain(transforms=[{"name": "scale_shift"}]))
    assert axis.apply_to(Sample(x_CIJK), axis.draw(np.random.default_rng(0))).image.shape == x_CIJK.shape


def test_label_maps_become_those_of_a_slice_with_its_frames():
    x_CTIJK = np.arange(1 * 5 * 2 * 3 * 4.0).reshape(1, 5, 2, 3, 4)
    end, start = np.ones((1, 1, 2, 3, 4), np.int16), np.full((1, 1, 2, 3, 4), 2, np.int16)
    sample = over_time(Sample(x_CTIJK, {"ED": end, "ES": start}, frames={"ED": 0, "ES": 3}), 1)
    np.testing.assert_array_equal(sample.image, x_CTIJK[..., 1].transpose(0, 2, 3, 1))
    assert sample.masks["mask"].shape == (1, 2, 3, 5)
    assert [np.unique(sample.masks["mask"][..., t]).tolist() for t in range(5)] == [
        [1],
        [NO_LABEL],
        [NO_LABEL],
        [2],
        [NO_LABEL],
    ]
    whole = over_time(Sample(x_CTIJK, {"mask": np.ones((1, 5, 2, 3, 4), np.int16)}), 0)
    assert (whole.masks["mask"] == 1).all()
    with pytest.raises(UsageError, match="mask 'ED' has 1 frames and the cine 5"):
        over_time(Sample(x_CTIJK, {"ED": end}), 0)


def test_a_label_map_stays_on_its_frame():
    x_CTIJK = np.zeros((1, 5, 2, 3, 4))
    one = np.ones((1, 1, 2, 3, 4), np.int16)
    with pytest.raises(UsageError, match=r"frame 5 \(from 0\) is named"):
        over_time(Sample(x_CTIJK, {"ED": one}, frames={"ED": 5}), 0)
    with pytest.raises(UsageError, match="leave out steps of prepare that change the frames"):
        over_time(Sample(x_CTIJK, {"ED": one.repeat(5, 1)}, frames={"ED": 0}), 0)
