import numpy as np
import pytest

from tasks.segment.small_pictures import SIZE, make_pictures
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import InputError, UsageError
from vesalius.tasks.evaluate.images.pictures import sides_of
from vesalius.tasks.evaluate.masks.structure import StructureJudge, judge_side, shrunk


def side(tmp_path, splits=("test",) * 4):
    cohort = read_manifest(make_pictures(tmp_path, splits))
    return sides_of(cohort, cohort, None, None)[1]


def test_a_quick_method_finds_bright_discs(tmp_path):
    judged, failed = judge_side(side(tmp_path), "real", StructureJudge.quick("brightness"), SIZE, SIZE)
    assert not failed
    bright, dark = judged[0], judged[1]
    assert bright.dice["region"] > 0.95 > 0.5 > dark.dice["region"]
    assert bright.iou["region"] == pytest.approx(
        (bright.asked * bright.found).sum() / np.maximum(bright.asked, bright.found).sum()
    )
    assert bright.picture.shape == (*SIZE, 3)


def test_pictures_and_masks_are_brought_to_one_size(tmp_path):
    judged, _ = judge_side(side(tmp_path), "real", StructureJudge.quick("brightness"), (20, 20), (40, 40))
    assert judged[0].asked.shape == judged[0].found.shape == (20, 20)
    assert judged[0].dice["region"] > 0.85


def test_a_picture_without_a_mask_is_listed(tmp_path):
    given = side(tmp_path)
    bare = given.cohort.cases[0].model_copy(update={"masks": {}})
    cohort = type(given.cohort)((bare, *given.cohort.cases[1:]), given.cohort.root)
    changed = type(given)("real", cohort, given.sources, given.groups)
    judged, failed = judge_side(changed, "real", StructureJudge.quick("brightness"), SIZE, SIZE)
    assert (len(judged), failed["d0"].what) == (3, "has no mask")
    alone = type(given)("real", type(cohort)((bare,), cohort.root), given.sources, given.groups)
    with pytest.raises(UsageError, match="has no mask"):
        judge_side(alone, "real", StructureJudge.quick("brightness"), SIZE, SIZE)


def test_the_largest_share_of_a_pixel_wins():
    classes = np.array([[1, 1, 2, 2], [1, 0, 2, 2], [0, 0, 0, 3], [0, 0, 3, 3]])
    assert shrunk(classes, (2, 2), 3).tolist() == [[1, 2], [0, 3]]


def test_a_segmenter_of_volumes_is_no_judge():
    with pytest.raises(InputError, match="no segmenter of single pictures"):
        StructureJudge.load("segment/cine_unet")
