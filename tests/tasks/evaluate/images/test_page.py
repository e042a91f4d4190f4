import pytest

from vesalius.tasks.evaluate.images.page import distance_table, memory_table, paired_table, sentences


def group(value, interval, copies=0, share=0.02):
    each = {
        "generated": {"least": 0.5, "median": 1.0},
        "held_out": {"least": 0.4, "median": 0.9},
        "share_nearer": {"value": share, "interval": None if share is None else [share / 2, 2 * share]},
        "copies": copies,
        "held_out_copies": 1,
    }
    difference = {"value": value, "interval": interval}
    return {
        "not_measured": None,
        "compared": 30,
        "kid": {"value": 0.1, "interval": None},
        "kid_of_train": {"value": 0.05, "interval": None},
        "kid_difference": difference,
        "fid": None,
        "precision": 0.9,
        "recall": 0.8,
        "memorisation": {"pixels": each},
    }


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ([0.01, 0.09], "are farther"),
        ([-0.09, -0.01], "are nearer"),
        ([-0.01, 0.09], "beyond chance"),
        (None, "too few"),
    ],
)
def test_the_sentence_follows_the_interval(interval, words):
    ((_, first), _) = sentences({"groups": {"all": group(0.05, interval)}})
    assert words in first
    assert "0.0500" in first


@pytest.mark.parametrize(
    ("copies", "share", "tone"), [(0, 0.02, "plain"), (1, 0.02, "warning"), (0, 0.2, "warning"), (0, None, "plain")]
)
def test_copies_and_nearness_warn(copies, share, tone):
    told = sentences({"groups": {"stained": group(0.0, None, copies, share)}})
    assert told[1][0] == tone
    assert told[1][1].startswith("stained: in pixels")


def test_a_group_that_was_not_measured_is_named():
    told = sentences(
        {"groups": {"rare": {"not_measured": "generated pictures of fewer than two sources", "compared": 0}}}
    )
    assert told == [("warning", "rare: not measured, generated pictures of fewer than two sources.")]


def test_tables_show_what_there_is():
    groups = {"all": group(0.05, [0.01, 0.09])}
    table = distance_table(groups)
    assert table.rows[0][:4] == ["all", "30", "0.1000", "-"]
    assert "0.0100 to 0.0900" in table.rows[0]
    assert memory_table(groups).rows[0][:3] == ["all", "pixels", "0.50"]
    assert memory_table({"all": {**groups["all"], "memorisation": None}}) is None
    each = {"mean": 32.45, "sd": 2.31, "range": [28.12, 36.78], "interval": None, "grade": "good"}
    paired = {"pictures": 9, "equal_pictures": 1, "psnr": each, "ssim": each, "mae": each, "mse": each}
    table = paired_table(paired)
    assert table.rows[0] == ["PSNR (dB)", "32.45", "2.31", "28.12 to 36.78", "-", "good"]
    assert "1 of them are equal" in table.caption
