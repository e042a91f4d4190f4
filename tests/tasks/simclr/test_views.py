import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.seeding import generator
from vesalius.tasks.simclr.views import Views
from vesalius.transforms.transform import Chain, Sample

X = np.random.default_rng(0).random((1, 12, 12)).astype(np.float32)


def test_views_are_the_changes_drawn_one_after_the_other():
    chain = Chain(transforms=[{"name": "random_resized_crop", "size": [8, 8]}, {"name": "flip"}])
    views, sample = Views(chain), Sample(X)
    image = views.apply_to(sample, views.draw(generator("case"))).image
    drawing = generator("case")
    expected = [chain.apply(X, chain.draw(drawing)) for _ in range(2)]
    np.testing.assert_array_equal(image, np.stack(expected))
    assert abs(image[0] - image[1]).max() > 0.1
    assert (sample.image == X).all()


def test_views_of_two_sizes_are_refused():
    views = Views(
        Chain(transforms=[{"name": "sometimes", "p": 0.5, "transform": {"name": "center_crop", "size": [8, 8]}}])
    )
    with pytest.raises(UsageError, match="augment: the views of a picture differ in size"):
        views.apply_to(Sample(X), ((None,), ((None,),)))
