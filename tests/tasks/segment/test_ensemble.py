import json
from functools import partial

import numpy as np
import pytest

from tasks.predict.test_run import make_model
from tasks.segment.small import AFFINE, blob, make_cohort
from vesalius.errors import InputError, OutputError, UsageError
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.tasks.predict.run import lines, predict
from vesalius.tasks.segment.ensemble import Ensemble
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.weights.saved import digest_of

SCANS = {"image": Scan.from_array(blob(0)[0], AFFINE)}


def test_a_model_with_itself_is_the_model(tmp_path):
    one = make_model(tmp_path / "one")
    alone, twice = Segmenter.from_pretrained(one), Ensemble.from_pretrained([one, one])
    np.testing.assert_array_equal(twice.probabilities(SCANS), alone.probabilities(SCANS))
    assert len(np.unique(alone(SCANS).stored())) > 1
    np.testing.assert_array_equal(twice(SCANS).stored(), alone(SCANS).stored())
    np.testing.assert_array_equal(twice(SCANS).affine, AFFINE)


def test_the_mean_of_three_probabilities_by_hand(tmp_path):
    folders = [make_model(tmp_path / f"fold{seed}", seed=seed) for seed in range(3)]
    p_M = [Segmenter.from_pretrained(folder).probabilities(SCANS) for folder in folders]
    assert all(np.abs(p_M[0] - p).max() > 0.05 for p in p_M[1:])
    mean_NIJK = np.mean(np.stack(p_M).astype(np.float64), 0)
    both = Ensemble.from_pretrained(folders)
    np.testing.assert_allclose(both.probabilities(SCANS), mean_NIJK, rtol=0, atol=1e-6)
    np.testing.assert_allclose(both.probabilities(SCANS).sum(0), 1, atol=1e-5)
    found, alone = both(SCANS).stored()[0, 0], Segmenter.from_pretrained(folders[0])(SCANS).stored()[0, 0]
    first, second = np.sort(mean_NIJK, 0)[[-1, -2]]
    is_clear = first - second > 1e-5
    np.testing.assert_array_equal(found[is_clear], np.array([0, 4, 7])[mean_NIJK.argmax(0)][is_clear])
    assert is_clear.mean() > 0.99
    assert (found != alone).any()


def test_what_cannot_be_averaged_is_one_line(tmp_path):
    first = make_model(tmp_path / "first")
    other = partial(make_model, tmp_path / "other")
    with pytest.raises(UsageError) as failure:
        Ensemble.from_pretrained([first, other(labels={"bright": [4], "grey": [7]})])
    assert str(failure.value) == (
        f"{tmp_path / 'other'}: its classes are bright (4), grey (7), those of {first} bright (4), dark (7); "
        "average models of the same images and classes"
    )
    for number, change in enumerate(
        ({"labels": {"dark": [7], "bright": [4]}}, {"labels": {"bright": [1], "dark": [7]}})
    ):
        with pytest.raises(UsageError, match="its classes are"):
            Ensemble.from_pretrained([first, make_model(tmp_path / f"n{number}", **change)])
    contract = first / "preprocessor.json"
    for number, (old, new, words) in enumerate(
        (
            ('"image"', '"t2"', "its images are t2, those of .* image"),
            ('"resample": false', '"resample": true', "resampled"),
        )
    ):
        changed = make_model(tmp_path / f"c{number}")
        text = contract.read_text()
        assert old in text
        (changed / "preprocessor.json").write_text(text.replace(old, new))
        with pytest.raises(UsageError, match=words):
            Ensemble.from_pretrained([first, changed])
    with pytest.raises(UsageError, match=r"its label maps are \.png"):
        Ensemble.from_pretrained([first, make_model(tmp_path / "p", suffix=".png")])
    with pytest.raises(InputError, match="is a model for tokenize, not for segment"):
        Ensemble.from_pretrained([first, make_model(tmp_path / "t", task="tokenize")])


def test_predictions_say_which_models_were_averaged(tmp_path):
    folders = [make_model(tmp_path / f"fold{seed}", seed=seed) for seed in range(2)]
    (folders[0] / "README.md").write_text("---\nsummary: Learned from balls.\n---\n\n## Limits\n\n- Balls only.\n")
    manifest, out = make_cohort(tmp_path / "data", ("test",)), tmp_path / "out"
    done = predict(folders, [manifest], out, device="cpu")
    assert done.models == {folder.name: digest_of(folder) for folder in folders}
    found = open_scan(out / "c0.nii.gz").stored()
    expected = Ensemble.from_pretrained(folders)(open_scan(tmp_path / "data" / "c0.nii.gz")).stored()
    np.testing.assert_array_equal(found, expected)
    results = json.loads((out / "summary.json").read_text())["results"]
    assert [model["name"] for model in results["averaged"]] == ["fold0", "fold1"]
    assert [model["digest"] for model in results["averaged"]] == list(done.models.values())
    page = (out / "report.html").read_text()
    assert "Models averaged" in page
    assert all(digest in page for digest in done.models.values())
    assert str(tmp_path) not in page
    assert "mean of the class probabilities of fold0, fold1" in lines(done)
    assert done.about == "Learned from balls"
    assert "fold0: Balls only." in done.limits
    assert "fold1: The model has no card: what it was trained on and where it fails is not known." in done.limits
    with pytest.raises(OutputError, match="predictions of another model"):
        predict(folders[0], [manifest], out, device="cpu")
    assert predict(folders, [manifest], out, device="cpu").skipped == [str(out / "c0.nii.gz")]


def test_two_runs_of_one_name_are_told_apart(tmp_path):
    folders = []
    for letter in "ab":
        (tmp_path / letter).mkdir()
        folders.append(make_model(tmp_path / letter / "fold", seed=ord(letter)))
    manifest = make_cohort(tmp_path / "data", ("test",))
    done = predict(folders, [manifest], tmp_path / "out", device="cpu")
    assert list(done.models) == ["fold", "fold-2"]
    assert len(set(done.models.values())) == 2
