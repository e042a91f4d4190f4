from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from tasks.evaluate.codec.fake import FakeCodec, cine, cine_scan, write_cohort
from tasks.evaluate.codec.fake_judge import fake_judge
from vesalius.cohort.ends import Ends
from vesalius.errors import InputError
from vesalius.nets.unet import UNet
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.config import CodecEvaluationConfig
from vesalius.tasks.evaluate.codec.judge import Judge, ends, read_masks
from vesalius.tasks.evaluate.codec.studies import Study, find_studies
from vesalius.tasks.evaluate.codec.study import evaluate_study
from vesalius.tasks.label_values import LabelValues
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.prepare import Prepare
from vesalius.weights.saved import ModelConfig, digest_of, save_pretrained

VALUES = LabelValues({"rim": [2], "lv": [3]})
ML = 1.5 * 2 * 8 / 1000


def by_hand(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.fixture
def study(tmp_path):
    """Masks of readers: the cavity at both ends, a rim at ED only (as Sunnybrook)."""
    (found,) = find_studies([write_cohort(tmp_path / "cohort", patients=1)])
    for path, frame in zip(found.masks, (1, 4), strict=True):
        mask = np.zeros((24, 20, 4), np.uint8)
        mask[8:16, 6:14] = 3
        if frame == 1:
            mask[7, 6:14] = 2
        nib.save(nib.Nifti1Image(mask, np.diag([1.5, 2.0, 8.0, 1.0])), path)
    return found


def test_the_original(study):
    trial, note = fake_judge().trial(study, study.scan())
    found, drawn = trial.study, np.zeros((24, 20, 4), bool)
    drawn[8:16, 6:14] = True
    disc = cine(1)[0] > 500
    assert (note, found.ed, found.es, found.frames_from) == ("", 1, 4, "Info.cfg")
    assert found.original.dice["lv"] == {
        "ED": pytest.approx(by_hand(disc[1], drawn)), "ES": pytest.approx(by_hand(disc[4], drawn))
    }  # fmt: skip
    assert found.original.dice["rim"] == {"ED": 0.0}  # the judge finds none where a reader drew one; ES is left out
    assert found.original.agreement["lv"] == {"ED": 1.0, "ES": 1.0}
    edv, esv = disc[1].sum() * ML, disc[4].sum() * ML
    assert (found.original.edv_ml, found.original.esv_ml) == (pytest.approx(edv), pytest.approx(esv))
    assert found.original.ef_percent == pytest.approx(100 * (edv - esv) / edv)
    assert (found.masks_edv_ml, found.masks_ef_percent) == (pytest.approx(256 * ML), 0)


def test_a_restored_scan(study):
    trial, _ = fake_judge().trial(study, study.scan())
    stored = cine(1)
    stored[0, :, :12] = 0  # half of the disc is lost
    found = trial.judge(stored)
    disc, drawn = cine(1)[0] > 500, np.zeros((24, 20, 4), bool)
    drawn[8:16, 6:14] = True
    left = disc.copy()
    left[:, :12] = False
    assert found.dice["lv"]["ES"] == pytest.approx(by_hand(left[4], drawn))
    assert found.agreement["lv"]["ED"] == pytest.approx(by_hand(left[1], disc[1]))
    assert found.edv_ml == pytest.approx(left[1].sum() * ML)
    nothing = trial.judge(np.zeros_like(stored))
    assert (nothing.dice["lv"], nothing.edv_ml, nothing.ef_percent) == ({"ED": 0, "ES": 0}, 0, None)


def test_without_masks_the_judge_finds_the_frames():
    scan = cine_scan()
    judge = fake_judge()
    trial, note = judge.trial(Study("set", "one", None, lambda: scan, 1), scan)
    assert (note, trial.study.ed, trial.study.es, trial.study.frames_from) == ("", 0, 3, "judge")
    assert (trial.study.original.dice, trial.study.has_masks) == ({}, False)
    assert sorted(set(judge.segmenter.calls)) == list(range(6))


def test_without_geometry_there_is_ef_and_no_volume():
    scan = Scan.from_array(cine(), t_meaning="time")
    trial, _ = fake_judge().trial(Study("set", "one", None, lambda: scan, 1), scan)
    assert (trial.study.original.edv_ml, trial.study.original.esv_ml) == (None, None)
    assert 0 < trial.study.original.ef_percent < 100


def test_without_a_cavity_there_is_dice_alone(study):
    trial, _ = fake_judge(cavity=None).trial(study, study.scan())
    assert trial.study.original.edv_ml is None
    assert "lv" in trial.study.original.dice


def test_regions_are_measured_in_place_of_classes(study):
    trial, _ = fake_judge(regions={"heart": ("rim", "lv")}).trial(study, study.scan())
    assert trial.study.classes == ("heart",)
    assert set(trial.study.original.dice["heart"]) == {"ED", "ES"}


def test_what_cannot_be_judged_says_why(study):
    still = replace(cine_scan(), t_meaning="unknown")
    trial, note = fake_judge().trial(Study("set", "one", None, lambda: still, 1), still)
    assert trial is None
    assert note.startswith("not judged: T is not known to be time")
    nib.save(nib.Nifti1Image(np.full((24, 20, 4), 9, np.uint8), np.eye(4)), study.masks[0])
    trial, note = fake_judge().trial(study, study.scan())
    assert not trial.study.has_masks
    assert note.startswith("the judge does without masks: ")
    colour = Scan.from_array(np.repeat(cine(), 3, 0), t_meaning="time")
    assert fake_judge().trial(study, colour)[1] == "not judged: the scan has 3 channels"


def test_every_lossy_point_is_judged_and_no_lossless_file(study):
    judge = fake_judge()
    config = CodecEvaluationConfig(("svtav1",), ("jpegxl",), 4)
    result = evaluate_study(study, FakeCodec(), config, lambda line: None, threads=1, judge=judge)
    assert len(judge.segmenter.calls) == 2 * (1 + len(result.points))
    for point in result.points:
        restored = np.rint(np.rint(cine(1)[0] / point.step) * point.step)
        assert point.judged.edv_ml == pytest.approx((restored[1] > 500).sum() * ML)
    assert result.judged.original.edv_ml > 0


def model(folder, images=("image",)):
    folder.mkdir()
    net = UNet(dims=2, inputs=len(images), outputs=4, channels=(8, 16))
    settings = {"labels": {"rv": [1], "myocardium": [2], "lv": [3]}, "patch": [16, 16, 1], "cavity": "lv"}
    save_pretrained(folder, {"net": net.make()}, ModelConfig.of("segment", {"net": net}, settings))
    contract = InputContract(images=images, prepare=Prepare(layout="CIJK"), classes=("rv", "myocardium", "lv"))
    write_contract(contract, folder)
    return folder


def test_a_model_folder_becomes_a_judge(tmp_path, study):
    judge = Judge.load(model(tmp_path / "small"))
    assert (judge.name, judge.digest) == ("small", digest_of(tmp_path / "small"))
    assert judge.key["weights"] == judge.digest
    trial, _ = judge.trial(study, study.scan())
    assert trial.judge(cine(1)) == trial.study.original
    with pytest.raises(InputError, match="takes 2 images"):
        Judge.load(model(tmp_path / "two", ("t1", "t2")))
    with pytest.raises(InputError):
        Judge.load(tmp_path / "absent")


def lone(**facts):
    return Study("set", "one", None, cine_scan, 1, **facts)


def ball(size):
    mask = np.zeros((24, 20, 4), int)
    mask[:size, 0, 0] = 2
    return mask


def never(t):
    raise AssertionError("the judge was asked")


def test_info_says_it():
    assert ends(lone(ends=Ends(1, 4, "Info.cfg")), cine_scan(), {}, (2,), never) == (1, 4, "Info.cfg")
    with pytest.raises(InputError, match="beyond the 6"):
        ends(lone(ends=Ends(1, 6, "Info.cfg")), cine_scan(), {}, (2,), never)


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
