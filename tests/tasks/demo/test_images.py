import numpy as np
import pytest

from vesalius.report.result import Result
from vesalius.tasks.demo import images
from vesalius.tasks.demo.images import SHEET, ellipses, show_images
from vesalius.weights.place import zoo_names


def test_masks_differ_and_hold_a_share_of_nuclei():
    masks = [ellipses(seed) for seed in range(3)]
    assert not (masks[0] == masks[1]).all()
    assert all(0.05 < mask.mean() < 0.4 for mask in (*masks, images.nuclei_of_tissue()))


def test_without_the_model_the_masks_alone_are_shown(monkeypatch):
    monkeypatch.setattr(images, "MODEL", "generate/none")
    result = Result()
    show_images(result, lambda line: None)
    assert [block.kind for block in result.sections[0].blocks] == ["text", "figure"]
    assert len(result.figures[SHEET]) > 5_000


@pytest.mark.skipif("generate/nuclei" not in zoo_names(), reason="the model is not here")
def test_pictures_follow_the_masks(monkeypatch):
    monkeypatch.setattr(images, "MASKS", 1)
    result = Result()
    show_images(result, lambda line: None)
    assert result.figures[SHEET].startswith(b"\x89PNG")
    assert np.array([section.title for section in result.sections]).tolist() == [images.TITLE]
