from tasks.evaluate.codec.fake import study
from tasks.evaluate.codec.test_equal_bytes import with_coder
from vesalius.tasks.evaluate.codec.equal_tables import (
    at_bytes_table,
    deficit_lines,
    difference_study_table,
    difference_table,
    on_disk_table,
)
from vesalius.tasks.evaluate.codec.summary import summarise


def data_set(*results):
    (found,) = summarise(results).data_sets
    return found


def cells(table):
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def tokens(name, down=0.0):
    return with_coder(study(name), "tokens:m", (1000, 5000), (40.0 - down, 48.0 - down))


def test_bytes_on_disk_are_shown_for_tier_and_file():
    rows = cells(on_disk_table(data_set(tokens("a"))))
    assert [row["Coder"] for row in rows] == ["svtav1", "x265", "tokens:m"]
    last = rows[-1]
    assert (last["smallest tier"], last["its file"], last["bytes around the tier"]) == ("10.0", "14.0", "400")
    assert "tokens of a study" not in last


def test_measures_at_equal_bytes():
    rows = cells(at_bytes_table(data_set(tokens("a"))))
    assert {row["Measure"] for row in rows} == {"PSNR (dB)", "SSIM"}  # no temporal error is known
    (row,) = [
        row for row in rows if (row["Measure"], row["Region"], row["Coder"]) == ("PSNR (dB)", "whole", "tokens:m")
    ]
    assert (row["16 B"], row["74 B"]) == ("42.34", "-")
    assert "139 B" in row  # x265 reaches it


def test_differences_are_those_of_tokens_where_there_are_some():
    shown = cells(difference_table(data_set(tokens("a"), tokens("b", down=2.0))))
    assert {row["Coder"] for row in shown} == {"tokens:m"}
    assert [(row["Region"], row["Less"]) for row in shown] == [
        ("whole", "svtav1"), ("whole", "x265"), ("heart", "svtav1"), ("heart", "x265")
    ]  # fmt: skip
    assert {row["Coder"] for row in cells(difference_table(data_set(study("a"))))} == {"svtav1", "x265"}
    each = cells(difference_study_table(data_set(tokens("a"), tokens("b", down=2.0))))
    first, second = (next(row for row in each if row["Study"] == name) for name in ("a", "b"))
    assert float(first["30 B"]) - float(second["30 B"]) == 2
    assert float(shown[0]["30 B"]) == float(first["30 B"]) - 1
    assert difference_study_table(data_set(tokens("a"))).rows == []


def test_the_whole_field_is_put_in_words():
    lines = deficit_lines(data_set(tokens("a", down=10.0)))
    assert len(lines) == 2
    assert lines[0].startswith("Whole field, tokens:m less svtav1: -5.43 dB at 12 B per frame, ")
    assert deficit_lines(data_set(study("a"))) == []
