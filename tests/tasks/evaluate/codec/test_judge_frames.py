from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from tasks.evaluate.codec.fake import cine_scan, write_cohort
from vesalius.errors import InputError
from vesalius.scan.pixels import ArrayPixels
from vesalius.tasks.evaluate.codec.judge_frames import ends, read_masks
from vesalius.tasks.evaluate.codec.studies import Study, find_studies
from vesalius.tasks.segment.labels import LabelValues

VALUES = LabelValues({"rim": [2], "lv": [3]})


def lone(**facts):
    return Study("set", "one", None, cine_scan, 1, **facts)


def ball(size):
    mask = np.zeros((24, 20, 4), int)
    mask[:size, 0, 0] = 2
    return mask


def never(t):
    raise AssertionError("the judge was asked")


def test_info_says_it():
    assert ends(lone(diastole=1, systole=4), cine_scan(), {}, (2,), never) == (1, 4, "Info.cfg")
    with pytest.raises(InputError, match="beyond the 6"):
        ends(lone(diastole=1, systole=6), cine_scan(), {}, (2,), never)


def test_the_masks_say_it_where_the_file_is_silent():
    scan = cine_scan()
    masks = {1: ball(5), 2: ball(0), 4: ball(9), 5: ball(7)}
    assert ends(lone(), scan, masks, (2,), never) == (4, 1, "masks")
    assert ends(lone(), scan, {1: ball(5), 9: ball(9)}, (2,), lambda t: ball(3 + t)) == (5, 0, "judge")


def test_the_judge_looks_at_all_frames():
    sizes = [4, 6, 9, 5, 3, 7]
    assert ends(lone(), cine_scan(), {}, (1, 2), lambda t: ball(sizes[t])) == (2, 4, "judge")
    with pytest.raises(InputError, match="no cavity"):
        ends(lone(), cine_scan(), {}, (2,), lambda t: ball(t))


def test_nothing_to_go_by():
    with pytest.raises(InputError, match="names no cavity"):
        ends(lone(), cine_scan(), {}, (), never)
    with pytest.raises(InputError, match="not known to be time"):
        ends(lone(), replace(cine_scan(), t_meaning="unknown"), {}, (2,), never)


def test_masks_become_classes_by_frame(tmp_path):
    (study,) = find_studies([write_cohort(tmp_path / "cohort", patients=1)])
    masks = read_masks(study, study.scan(), VALUES.classes)
    assert list(masks) == [1, 4]
    assert (masks[1] == 2).sum() == 8
    nib.save(nib.Nifti1Image(np.full((24, 20, 4), 9, np.uint8), np.eye(4)), study.masks[0])
    with pytest.raises(InputError, match="9"):
        read_masks(study, study.scan(), VALUES.classes)
    nib.save(nib.Nifti1Image(np.ones((24, 20, 3), np.uint8), np.eye(4)), study.masks[0])
    with pytest.raises(InputError, match="another grid"):
        read_masks(study, study.scan(), VALUES.classes)


@pytest.mark.parametrize("value", [2.5, 65539.0])
def test_masks_that_hold_no_labels_are_refused(tmp_path, value):
    (study,) = find_studies([write_cohort(tmp_path / "cohort", patients=1)])
    nib.save(nib.Nifti1Image(np.full((24, 20, 4), value, np.float32), np.eye(4)), study.masks[0])
    with pytest.raises(InputError, match="values other than whole numbers"):
        read_masks(study, study.scan(), VALUES.classes)


def test_a_noisy_judge_is_smoothed():
    """The largest and the smallest of twelve frames are noise: an outlier each, beside the true ends."""
    sizes = [10, 10, 9, 7, 5, 4, 5, 12, 8, 9, 2, 10]
    scan = replace(cine_scan(), pixels=ArrayPixels(np.zeros((1, 12, 24, 20, 4), np.int16)), frame_ms=None)
    spectrum = np.fft.rfft(sizes)
    spectrum[3:] = 0
    curve = np.fft.irfft(spectrum, 12)
    ed, es = int(curve.argmax()), int(curve.argmin())
    assert (ed, es) == (1, 4)
    assert ends(lone(), scan, {}, (2,), lambda t: ball(sizes[t])) == (ed, es, "judge")
    masks = {t: ball(size) for t, size in enumerate(sizes) if t != 11}
    ed, es, source = ends(lone(), scan, masks, (2,), never)
    assert (ed in (0, 1, 2), es in (4, 5), source) == (True, True, "masks")
