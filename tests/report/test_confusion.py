import io

import numpy as np
import pytest
from PIL import Image

from vesalius.report.confusion import confusion_plot


def test_a_field_is_darker_the_larger_its_share_of_the_row():
    picture = np.asarray(Image.open(io.BytesIO(confusion_plot([[90, 10], [0, 0]], ["red", "white"]))).convert("L"))
    assert picture.min() < 90  # the full field
    assert (picture > 250).mean() > 0.3
    dark = np.argwhere(picture < 110)
    assert dark[:, 0].mean() < picture.shape[0] / 2


def test_a_matrix_of_another_size_is_refused():
    with pytest.raises(ValueError, match="for 3 classes"):
        confusion_plot([[1, 0], [0, 1]], ["a", "b", "c"])
