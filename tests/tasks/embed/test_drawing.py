from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tasks.encode.small_store import make_store
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.errors import MissingExtraError, UsageError
from vesalius.tasks.embed.drawing import UNKNOWN, check_drawing, draw, groups_of, neighbour_share, project
from vesalius.tasks.encode.collection import unit
from vesalius.tasks.encode.options import EmbedOptions

TSNE = EmbedOptions(project="tsne")


def two_clouds(count=40, width=16):
    draw = np.random.default_rng(0)
    centres = np.where(np.arange(count)[:, None] % 2, 1.0, -1.0) * np.ones(width)
    return unit((centres + draw.normal(scale=0.3, size=(count, width))).astype(np.float32))


def cohort(*tables):
    return Cohort(tuple(Case.build(id=str(n), images={"image": "x"}, **t) for n, t in enumerate(tables)), Path())


def apart(xy_N2):
    """Distance of the centres of even and odd points, over the spread of each."""
    even, odd = xy_N2[::2], xy_N2[1::2]
    return np.linalg.norm(even.mean(0) - odd.mean(0)) / max(even.std(), odd.std())


def test_tsne_keeps_clouds_apart_and_repeats():
    rows_ND = two_clouds()
    first = project(rows_ND, "tsne", 0)
    assert first.shape == (40, 2)
    assert apart(first) > 2
    np.testing.assert_array_equal(first, project(rows_ND, "tsne", 0))


@pytest.mark.slow  # its import compiles for half a minute
@pytest.mark.skipif(find_spec("umap") is None, reason="needs vesalius[project]")
def test_umap_keeps_clouds_apart_and_repeats():
    rows_ND = two_clouds()
    first = project(rows_ND, "umap", 0)
    assert apart(first) > 2
    np.testing.assert_array_equal(first, project(rows_ND, "umap", 0))


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setattr("vesalius.tasks.embed.drawing.find_spec", lambda name: None)
    check_drawing(TSNE, cohort({}))
    with pytest.raises(MissingExtraError, match=r"umap-learn is not installed; .*'vesalius\[project\]'"):
        check_drawing(EmbedOptions(project="umap"), cohort({}))
    with pytest.raises(UsageError, match="no label or fact is named age"):
        check_drawing(EmbedOptions(project="tsne", colour="age"), cohort({}))


def test_some_points_of_many_and_their_table(tmp_path):
    collection = make_store(tmp_path / "store", 12, rows=2)
    drawing = draw(collection, EmbedOptions(project="tsne", points=10, seed=3))
    assert drawing.facts["points"] == len(drawing.rows) == 10
    assert "10 of 24 rows, chosen at random, coloured by nodule" in drawing.caption
    rows = [row["row"] for row in drawing.rows]
    assert rows == sorted(set(rows))
    assert rows != [row["row"] for row in draw(collection, EmbedOptions(project="tsne", points=10)).rows]
    assert {row["case"] for row in drawing.rows} == {f"c{row // 2}" for row in rows}
    with pytest.raises(UsageError, match="has 2 rows; draw 4 or more"):
        draw(make_store(tmp_path / "few", 2), TSNE)


def test_rows_of_one_study_are_no_neighbours_where_patients_are_unknown(tmp_path):
    """Each study is one group, so no row of another study is of the same group."""
    collection = make_store(tmp_path / "store", 4)
    changes = [{"patient": None, "study": f"s{n // 2}", "labels": {"nodule": float(n < 2)}} for n in range(4)]
    cases = [case.model_copy(update=change) for case, change in zip(collection.cohort, changes, strict=True)]
    drawing = draw(replace(collection, cohort=replace(collection.cohort, cases=tuple(cases))), TSNE)
    assert (drawing.facts["same_group"], drawing.facts["same_group_by_chance"]) == (0, 0)
    assert drawing.facts["neighbours"].startswith("the nearest row of another study is of the same group in 0 %")


def test_groups_by_class_label_fact_or_split():
    one_of_two = cohort({"labels": {"a": 1, "b": 0}}, {"labels": {"b": 1}})
    assert groups_of(one_of_two, None) == ("class", {"0": "a", "1": "b"})
    assert groups_of(one_of_two, "a") == ("a", {"0": "a", "1": UNKNOWN})
    several = cohort({"labels": {"a": 1, "b": 1}}, {"labels": {"a": 0, "b": 0.7}, "split": "test"})
    assert groups_of(several, None) == ("a", {"0": "a", "1": "no a"})
    assert groups_of(several, "b")[1] == {"0": "b", "1": "b"}
    assert groups_of(several, "split")[1] == {"0": UNKNOWN, "1": "test"}
    assert groups_of(cohort({}, {}), None) == ("split", {"0": UNKNOWN, "1": UNKNOWN})
    facts = cohort({"facts": {"view": "AP"}}, {})
    assert groups_of(facts, "view")[1] == {"0": "AP", "1": UNKNOWN}
    with pytest.raises(UsageError, match="no label or fact is named age; choose from view, split"):
        groups_of(facts, "age")
    many = cohort(*({"facts": {"site": f"s{n}", "age": n / 2}} for n in range(8)))
    with pytest.raises(UsageError, match="site has 8 values"):
        groups_of(many, "site")
    assert list(groups_of(many, "age")[1].values()) == [
        *["0 to 0.5"] * 2, *["1 to 1.5"] * 2, *["2 to 2.5"] * 2, *["3 to 3.5"] * 2
    ]  # fmt: skip


def test_neighbours_are_of_other_patients_and_as_often_alike_as_counted_by_hand():
    rows_ND, groups = two_clouds(12), ["a", "b"] * 5 + ["b", UNKNOWN]
    patients = [str(n // 2) for n in range(12)]
    same, chance = [], []
    for n in range(11):
        others = [m for m in range(11) if patients[m] != patients[n]]
        nearest = max(others, key=lambda m: float(rows_ND[n] @ rows_ND[m]))
        same.append(groups[nearest] == groups[n])
        chance.append(np.mean([groups[m] == groups[n] for m in others]))
    share, expected = neighbour_share(rows_ND, groups, patients)
    assert share == pytest.approx(np.mean(same))
    assert expected == pytest.approx(np.mean(chance))
    assert neighbour_share(rows_ND, ["a"] * 12, patients) == (None, None)
    assert neighbour_share(rows_ND, groups, ["p"] * 12) == (None, None)
