import pytest

from vesalius.metrics.bootstrap import Interval
from vesalius.metrics.drawn import Drawn
from vesalius.tasks.evaluate.augmentation.effect import ArmMeasure, Gain
from vesalius.tasks.evaluate.augmentation.options import ARMS, AugmentationOptions
from vesalius.tasks.evaluate.augmentation.page import PAIRS, Augmentation, notes, result_of, sentences, table


def found(low=-0.02, high=0.03, interval=True):
    ends = Interval(low, high, 0.95, 40) if interval else None
    measures = [ArmMeasure(arm, 0.8, Interval(0.7, 0.9, 0.95, 40), {0: 0.79, 1: 0.81}) for arm in ARMS]
    gains = [Gain(arm, minus, (low + high) / 2, ends, {0: low, 1: high}) for arm, minus in PAIRS]
    counts = {arm: (30, 60) for arm in ARMS}
    return Augmentation(
        AugmentationOptions(arms=ARMS, seeds=(0, 1)),
        counts,
        400,
        measures,
        gains,
        Drawn(40),
        80,
        ("2 of 60 synthetic cases name no source",),
        {"real-seed_2": "the loss is not a number"},
    )


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        (
            (0.01, 0.03),
            "Synthetic pictures help; real + synthetic minus real only: AUROC +0.020 (95 % interval ",
        ),
        ((-0.03, -0.01), "Synthetic pictures do harm; real + synthetic minus real only: AUROC -0.020 "),
        ((-0.02, 0.03), "Synthetic pictures do not help: no difference is shown; real + synthetic minus real only: "),
    ],
)
def test_the_sentence_is_plain(ends, says):
    said = sentences(found(*ends))
    assert said[1].startswith(says)
    assert len(said) == len(PAIRS)


def test_without_an_interval_nothing_is_claimed():
    assert all("cannot be judged" in sentence for sentence in sentences(found(0.1, 0.2, interval=False)))


def test_the_page_says_what_was_compared(tmp_path):
    result = result_of(found())
    assert result.results["sentences"][0].startswith("Classical augmentation does not help")
    assert result.results["differences"][1] == {
        "arm": "synthetic",
        "minus": "real",
        "value": pytest.approx(0.005),
        "interval": {"low": -0.02, "high": 0.03, "level": 0.95, "patients": 40},
        "seeds": {"0": -0.02, "1": 0.03},
        "effect": "not shown",
    }
    assert [row["arm"] for row in result.rows[:3]] == ["real", "real", "classical"]
    assert result.rows[0] == {"arm": "real", "real": 30, "synthetic": 60, "seed": 0, "steps": 400, "auroc": 0.79}
    assert table(found()).rows[2][-2:] == ["+0.005", "-0.020 to +0.030"]
    assert table(found()).rows[0][-2:] == ["-", "-"]
    assert [note.split(" ")[0] for note in notes(found())] == ["2", "1", "With"]
