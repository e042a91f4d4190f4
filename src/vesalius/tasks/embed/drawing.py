"""The rows of a store in two dimensions, coloured by a label or fact.

t-SNE is that of van der Maaten and Hinton (J. Machine Learning Research 9, 2008), UMAP that of arXiv:1802.03426.

Rows are scaled to unit length, so that distances follow the cosine that `vesalius search` uses. The same rows, seed and
versions of the packages give the same drawing.

Letters: N points, D width.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import owners
from vesalius.errors import MissingExtraError, UsageError
from vesalius.report.chart import scatter
from vesalius.report.result import Result
from vesalius.report.table import Cell, write_csv
from vesalius.seeding import generator
from vesalius.tasks.encode.collection import KEY, Collection, unit
from vesalius.tasks.encode.options import MIN_POINTS, EmbedOptions, Method
from vesalius.versions import installed

FIGURE, TABLE = "projection.png", "projection.csv"
UNKNOWN = "unknown"
_MOST_GROUPS, _QUARTERS = 7, 4
_PERPLEXITY, _NEIGHBOURS, _COMPONENTS = 30.0, 15, 50
"""Of t-SNE, of UMAP, and principal components that t-SNE starts from."""
_CHUNK = 512
_NAMES = {"tsne": "t-SNE", "umap": "UMAP"}


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawn store.

    Args:
        png: the picture.
        rows: a line for each point: row, case, item, x, y, group.
        facts: for `summary.json`.
        text: how to read it.
        caption: of the picture.
    """

    png: bytes
    rows: list[dict[str, Cell]]
    facts: dict[str, str | float | None]
    text: str
    caption: str

    def add_to(self, page: Result) -> None:
        """Add the section, the picture and `projection.csv` to a report."""
        page.figures[FIGURE] = self.png

        def write(path: Path) -> None:
            write_csv(path, self.rows, list(self.rows[0]))

        page.files[TABLE] = write
        section = page.section("Drawing").figure(FIGURE, self.caption, "Points in a plane, coloured by group")
        section.text(self.text)


def check_drawing(options: EmbedOptions, cohort: Cohort) -> None:
    """Find what would stop a drawing before the cohort is encoded.

    Raises:
        MissingExtraError: the package of the drawing is not installed.
        UsageError: no such label or fact.
    """
    if options.project == "umap" and find_spec("umap") is None:
        raise MissingExtraError("umap-learn is not installed", extra="project")
    if options.project is not None:
        groups_of(cohort, options.colour)


def draw(collection: Collection, options: EmbedOptions) -> Drawing:
    """Draw the rows of a store.

    Raises:
        UsageError: no such label or fact, or too few rows.
    """
    method = options.project or "tsne"
    colour, of_case = groups_of(collection.cohort, options.colour)
    points = _points(collection)
    total = len(points)
    if total < MIN_POINTS:
        raise UsageError(f"the store has {total} rows", where="--project", fix=f"draw {MIN_POINTS} or more")
    if total > options.points:
        chosen = generator(options.seed, "points").choice(total, options.points, replace=False)
        points = [points[number] for number in sorted(chosen)]
    rows_ND = unit(np.asarray(collection.store.features[[row for row, _, _ in points]], np.float32))
    xy_N2 = project(rows_ND, method, options.seed)
    groups = [of_case[case.id] for _, case, _ in points]
    names = sorted(set(groups), key=lambda name: (name == UNKNOWN, _number_first(name)))
    placed = {name: xy_N2[[group == name for group in groups]] for name in names}
    owner_of = owners(collection.cohort)
    share, chance = neighbour_share(rows_ND, groups, [owner_of[case.id][0] for _, case, _ in points])
    unit_of = "patient" if all(is_patient for _, is_patient in owner_of.values()) else "study"
    neighbours = ""
    if share is not None and chance is not None:
        percents = f"{100 * share:.0f} % ({100 * chance:.0f} % by chance)"
        neighbours = f"the nearest row of another {unit_of} is of the same group in {percents}"
    drawn = f"{len(points)} of {total} rows, chosen at random" if total > len(points) else f"{total} rows"
    caption = f"{_NAMES[method]} of {drawn}, coloured by {colour}."
    return Drawing(
        png=scatter(placed, colour, quiet=UNKNOWN),
        rows=[
            {"row": row, "case": case.id, "item": item, "x": float(x), "y": float(y), "group": group}
            for (row, case, item), (x, y), group in zip(points, xy_N2, groups, strict=True)
        ],
        facts={
            "method": method,
            "colour": colour,
            "points": len(points),
            "seed": options.seed,
            "same_group": share,
            "same_group_by_chance": chance,
            "neighbours": neighbours,
            "figure": f"figures/{FIGURE}",
            "version": installed("umap-learn" if method == "umap" else "scikit-learn") or "unknown",
        },
        text="Near points have similar vectors; distances between far groups, sizes of groups and axes mean nothing. "
        + (f"In the full vectors {neighbours}. " if neighbours else "")
        + f"{TABLE} has the coordinates.",
        caption=caption,
    )


def project(rows_ND: NDArray[np.float32], method: Method, seed: int) -> NDArray[np.float64]:
    """Return positions (N, 2) of unit rows.

    t-SNE starts from the first two of at most 50 principal components, its perplexity is 30, or a third of the rows
    where there are few; UMAP compares 15 neighbours.
    """
    count, width = rows_ND.shape
    if method == "umap":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)  # that another kind of UMAP would need TensorFlow
            import umap

        model = umap.UMAP(n_neighbors=min(_NEIGHBOURS, count - 1), metric="cosine", random_state=seed, n_jobs=1)
    else:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE

        components = min(_COMPONENTS, count, width)
        rows_ND = PCA(components, svd_solver="full").fit_transform(rows_ND.astype(np.float64))
        model = TSNE(perplexity=min(_PERPLEXITY, (count - 1) / 3), init="pca", random_state=seed)
    positions_N2: NDArray[np.float64] = np.asarray(model.fit_transform(rows_ND), np.float64)
    return positions_N2


def groups_of(cohort: Cohort, colour: str | None) -> tuple[str, dict[str, str]]:
    """Return the name of what colours a cohort, and the group of each case.

    Args:
        cohort: cases with labels and facts.
        colour: a label, a fact or "split"; None: the class where each case has one of several, else the first label,
            else the split.

    Raises:
        UsageError: no such name, or a fact with too many values that are no numbers.

    Example:
        >>> cases = [Case.build(id=str(age), images={"image": "x"}, facts={"age": age}) for age in range(12)]
        >>> groups_of(Cohort(tuple(cases), Path()), "age")[1]["4"]
        '3 to 5'
    """
    classes = cohort.classes
    if colour is None and len(classes) > 1 and all(_is_exclusive(case, classes) for case in cohort):
        return "class", {case.id: next((c for c in classes if case.labels.get(c)), UNKNOWN) for case in cohort}
    facts = dict.fromkeys(name for case in cohort for name in case.facts if name != KEY)
    colour = colour or (classes[0] if classes else "split")
    if colour in classes:
        return colour, {case.id: _label_group(case.labels.get(colour), colour) for case in cohort}
    if colour in facts:
        return colour, _fact_groups(cohort, colour)
    if colour == "split":
        return colour, {case.id: case.split or UNKNOWN for case in cohort}
    choices = ", ".join([*classes, *facts, "split"])
    raise UsageError(f"no label or fact is named {colour}", where="--colour", fix=f"choose from {choices}")


def neighbour_share(
    rows_ND: NDArray[np.float32], groups: Sequence[str], units: Sequence[str]
) -> tuple[float | None, float | None]:
    """Return how often the nearest row of another unit is of the same group, and how often a random one would be.

    Rows of unknown group are left out. None where fewer than two groups or units are left.

    Args:
        rows_ND: unit rows.
        groups: of the rows.
        units: of the rows: the patient, or the study where the patient is unknown.

    Example:
        >>> rows_ND = unit(np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32))
        >>> neighbour_share(rows_ND, ["a", "a", "b", "b"], ["1", "2", "3", "4"])[0]
        1.0
    """
    known = np.array([group != UNKNOWN for group in groups])
    group_N, unit_N = np.array(groups)[known], np.unique(np.array(units)[known], return_inverse=True)[1]
    rows_ND = rows_ND[known]
    if len(set(group_N)) < 2 or len(set(unit_N)) < 2:
        return None, None
    same, chance = [], []
    for start in range(0, len(rows_ND), _CHUNK):
        part = slice(start, start + _CHUNK)
        others = unit_N[part, None] != unit_N[None]
        similarity = np.where(others, rows_ND[part] @ rows_ND.T, -np.inf)
        equal = group_N[part, None] == group_N[None]
        same.append(np.take_along_axis(equal, similarity.argmax(axis=1)[:, None], axis=1)[:, 0])
        chance.append((equal & others).sum(axis=1) / others.sum(axis=1))
    return float(np.concatenate(same).mean()), float(np.concatenate(chance).mean())


def _points(collection: Collection) -> list[tuple[int, Case, int]]:
    """Return (row of the store, case, item) of every row of every case."""
    points = []
    for case in collection.cohort:
        key = collection.key(case)
        first, _ = collection.store.span(key)
        points += [(first + n, case, int(item)) for n, item in enumerate(collection.store.items(key))]
    return points


def _is_exclusive(case: Case, classes: Sequence[str]) -> bool:
    values = [case.labels.get(name, 0.0) for name in classes]
    return set(values) <= {0.0, 1.0} and sum(values) == 1


def _label_group(value: float | None, name: str) -> str:
    if value is None:
        return UNKNOWN
    return name if value >= 0.5 else f"no {name}"


def _fact_groups(cohort: Cohort, name: str) -> dict[str, str]:
    """Return the group of each case: the value, or where numbers are many the quarter that it is in."""
    values: Mapping[str, Fact | None] = {case.id: case.facts.get(name) for case in cohort}
    counts = Counter(value for value in values.values() if value is not None)
    if len(counts) <= _MOST_GROUPS:
        return {case: UNKNOWN if value is None else str(value) for case, value in values.items()}
    numbers = [value for value in values.values() if isinstance(value, int | float)]
    if len(numbers) < sum(counts.values()):
        what = f"{name} has {len(counts)} values"
        raise UsageError(what, where="--colour", fix=f"choose a fact with {_MOST_GROUPS} at most, or a number")
    ends = np.quantile(numbers, np.linspace(0, 1, _QUARTERS + 1)[1:-1], method="inverted_cdf")
    quarters = {case: int(np.searchsorted(ends, value)) for case, value in values.items() if value is not None}
    members = [[values[case] for case, quarter in quarters.items() if quarter == n] for n in range(_QUARTERS)]
    words = [f"{min(member):g} to {max(member):g}" if member else "" for member in members]  # type: ignore[type-var]
    return {case: words[quarters[case]] if case in quarters else UNKNOWN for case in values}


def _number_first(name: str) -> tuple[float, str]:
    """Sort "9 to 12" before "10 to 20"."""
    try:
        return float(name.partition(" ")[0]), name
    except ValueError:
        return math.inf, name
