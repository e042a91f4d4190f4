import numpy as np

from vesalius.metrics.baseline import compared
from vesalius.metrics.one_class import one_class_measures
from vesalius.metrics.subgroups import subgroups
from vesalius.report.beside import CONFUSION, baseline_section, measure_cells, one_class_section, subgroup_section

OWNERS = [(f"p{n}", True) for n in range(40)]


def samples(classes):
    draw = np.random.default_rng(0)
    labels = np.eye(max(2, classes), dtype=np.float32)[draw.integers(0, max(2, classes), 40)][:, :classes]
    return draw.normal(size=labels.shape) + labels, labels


def table_of(section):
    (table,) = [block for block in section.blocks if block.kind == "table"]
    return [column.name for column in table.columns], table.rows, table.caption


def test_a_measure_as_cells():
    assert measure_cells({"value": 0.91, "interval": [0.8, 0.95]}) == ("0.910", "0.800 to 0.950")
    assert measure_cells({"value": None, "interval": None}) == ("-", "-")


def test_groups_with_counts_and_a_reason_where_one_is_too_small():
    scores, labels = samples(1)
    facts = [{"sex": "F" if n < 5 else "M"} for n in range(40)]
    columns, rows, _ = table_of(
        subgroup_section(subgroups(scores, labels, OWNERS, facts, ("ill",)), ("ill",), "pictures")
    )
    assert columns == ["group", "pictures", "patients", "positive", "AUROC", "95 % interval"]
    assert rows[0] == ["sex: F", "5", "5", str(int(labels[:5].sum())), "-", "fewer than 10 patients"]
    assert " to " in rows[1][5]
    scores, labels = samples(3)
    columns, rows, caption = table_of(
        subgroup_section(subgroups(scores, labels, OWNERS, facts, tuple("abc")), tuple("abc"), "pictures")
    )
    assert columns[-3:] == ["a", "b", "c"]
    assert all(len(row) == len(columns) for row in rows)
    assert "mean over classes" in caption


def test_baselines_stand_below_the_model_with_the_difference():
    scores, labels = samples(3)
    found = {"view": compared(scores, 0 * scores, labels, OWNERS, "softmax")}
    model = {"auroc": {"value": 0.8, "interval": [0.7, 0.9]}, "auprc": {"value": 0.6, "interval": None}}
    columns, rows, _ = table_of(baseline_section(found, model, "the same pictures", {"value": 0.7, "interval": None}))
    assert [row[0] for row in rows] == ["the model", "view"]
    assert all(len(row) == len(columns) for row in rows)
    assert rows[1][1] == "0.500"
    binary = {"view": compared(scores, 0 * scores, labels, OWNERS)}
    columns, rows, _ = table_of(baseline_section(binary, model, "the same pictures", None))
    assert "macro F1" not in columns
    assert all(len(row) == len(columns) for row in rows)


def test_every_class_has_its_recall_and_count():
    scores, labels = samples(3)
    section = one_class_section(one_class_measures(scores, labels, OWNERS, tuple("abc")), "pictures", "by patient")
    _, rows, caption = table_of(section)
    assert [row[0] for row in rows[3:]] == ["recall of a", "recall of b", "recall of c"]
    assert [int(row[1]) for row in rows[3:]] == labels.sum(0).astype(int).tolist()
    assert caption == "The most probable class is called. Intervals by patient."
    assert section.blocks[-1].file == CONFUSION
