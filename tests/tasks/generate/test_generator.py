import numpy as np
import pytest

from tasks.generate.small import CAPTIONS, disc
from vesalius.errors import InputError, UsageError, VesaliusError
from vesalius.metrics.overlap import dice
from vesalius.tasks.generate.generator import Generator, Request, noise_of
from vesalius.tasks.generate.sampler import SampleOptions

FEW = SampleOptions(steps=4)


@pytest.fixture(scope="module")
def generator(disc_run):
    return Generator(disc_run)


def masks(count):
    return [disc(100 + number, 16)[1] for number in range(count)]


def test_a_disc_lies_where_the_mask_says(generator):
    """A tiny net after some seconds: discs are brighter or darker than their surroundings, as the caption says."""
    overlaps = []
    for mask in masks(6):
        for caption in CAPTIONS.values():
            (picture,) = generator.sample([Request(caption, mask, seed=1)])
            grey = picture.mean(2)
            found = grey > np.median(grey) + 40 if caption == CAPTIONS["bright"] else grey < np.median(grey) - 40
            overlaps.append(dice(found.astype(np.uint8), mask, [1])[1])
    assert np.mean(overlaps) > 0.75


def test_a_picture_does_not_depend_on_its_batch(generator):
    requests = [Request(CAPTIONS["bright"], mask, seed) for seed, mask in enumerate(masks(5))]
    together = list(generator.sample(requests, SampleOptions(steps=4, batch=5)))
    for number, request in enumerate(requests):
        (alone,) = generator.sample([request], FEW)
        assert np.abs(alone.astype(int) - together[number]).max() <= 1  # kernels round by the size of a batch


def test_the_seed_decides(generator):
    first, again, other = (next(generator.sample([Request(seed=seed)], FEW)) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()
    assert noise_of(3, (2, 2)).equal(noise_of(3, (2, 2)))


def test_masks_and_captions_may_be_left_out(generator):
    (picture,) = generator.sample([Request()], FEW)
    assert picture.shape == (16, 16, 3)
    assert picture.dtype == np.uint8


def test_a_larger_mask_of_the_same_shape_is_made_coarser(generator):
    mask = np.kron(disc(5, 16)[1], np.ones((4, 4), np.uint8))
    (fine,) = generator.sample([Request(mask=mask)], FEW)
    (coarse,) = generator.sample([Request(mask=disc(5, 16)[1])], FEW)
    assert np.abs(fine.astype(int) - coarse).mean() < 12


def test_another_size_can_be_asked_for(generator):
    (picture,) = generator.sample([Request(size=(24, 32))], FEW)
    assert picture.shape == (24, 32, 3)


def test_guidance_of_a_condition_that_is_not_given_changes_nothing(generator):
    (plain,) = generator.sample([Request()], SampleOptions(steps=2, guidance=1, mask_guidance=1))
    (guided,) = generator.sample([Request()], SampleOptions(steps=2, guidance=5, mask_guidance=5))
    assert (plain == guided).all()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request("x" * 10_000), "10000 characters"),
        (Request(mask=np.zeros((16, 40), np.uint8)), "shape of a picture of 16 x 16"),
        (Request(mask=np.full((16, 16), 7, np.uint8)), "holds 7"),
        (Request(mask=np.full((16, 16), 1.5)), "no label map"),
        (Request(mask=np.full((16, 16), 100_000)), "beyond 0 to 32767"),
        (Request(mask=np.zeros((4, 4, 3), np.uint8)), "no label map"),
        (Request(mask=np.zeros((0, 0), np.uint8)), "mask"),
        (Request(size=(17, 16)), "multiples of 4"),
        (Request(size=(160, 160)), "far larger"),
        (Request(seed=-1), "seed"),
    ],
)
def test_what_cannot_be_made_is_one_line_before_anything_is_sampled(generator, request_, words):
    with pytest.raises(VesaliusError, match=words) as error:
        generator.sample([Request(), request_], FEW)
    assert "\n" not in str(error.value)


def test_steps_are_shown_and_may_cancel(generator):
    def cancel(done, total):
        assert total == 4 * 3
        if done == 5:
            raise UsageError("cancelled")

    made = generator.sample([Request(seed=seed) for seed in range(3)], SampleOptions(steps=4, batch=1), cancel)
    next(made)
    with pytest.raises(UsageError, match="cancelled"):
        next(made)


def test_a_model_of_another_task_is_refused(tmp_path):
    with pytest.raises(InputError):
        Generator(tmp_path)
