"""What `evaluate images` reports: tables, sheets of pictures, plain sentences, definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vesalius.csv_table import Cell
from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.frechet import LEAST
from vesalius.metrics.memorised import LEAST_HELD_OUT, QUANTILE, turned
from vesalius.report.chart import dots
from vesalius.report.contact import Tile, contact_sheet
from vesalius.report.page import Column, ReportTable, Tone
from vesalius.report.result import Result
from vesalius.report.table import NOTHING, fixed
from vesalius.report.verdict import Outcome, Verdict, with_interval
from vesalius.seeding import shuffled
from vesalius.tasks.evaluate.images.compare import FEATURES, PIXELS, SPACES, GroupMeasures, Near, group_results
from vesalius.tasks.evaluate.images.features import FeatureNet
from vesalius.tasks.evaluate.images.paired import MEASURES, PairError, pair_results
from vesalius.tasks.evaluate.images.pictures import ALL, Size
from vesalius.tasks.evaluate.images.seen import Seen

COLUMNS = (
    "side", "picture", "group", *(f"{space}_{kind}" for space in SPACES for kind in ("nearest", "distance", "copy")),
    *MEASURES,
)  # fmt: skip
_SHEET, _SAME, _CHART = "pictures_{}.png", "nearest_training.png", "distances.png"
_SHOWN, _PAIRS, _MOST_DOTS = 6, 8, 200
_GENERATED, _REFERENCE, _TRAIN = "generated", "reference", "train"
DEFINITIONS = {
    "KID": "Kernel distance of two sets of pictures: squared maximum mean discrepancy of (a b / D + 1)^3 in the "
    "features of the net named above, estimated without bias, so it may be negative. Pairs of pictures of one source "
    "are left out. 0: the net sees no difference. Its size depends on the net and on the size of the pictures.",
    "KID difference": "KID(generated, reference) - KID(train, reference), the same number of pictures on every side. "
    "Training and reference pictures differ, too; what is left is the generator's part.",
    "FID": f"Fréchet distance of two Gaussians in the same features. Biased, far too large with few pictures, so it is "
    f"given from {LEAST:,} pictures a side on only.",
    "Precision, recall": "Share of generated pictures that lie among the reference (as near to a reference picture as "
    "its third neighbour), and share of the reference that lies among the generated pictures. Read them beside those "
    "of training pictures: real pictures do not reach 1.",
    "Source": "The patient, or the real picture that a picture is of or was made from (fact source of a generated "
    "case). Pictures of one source resemble each other.",
    "Interval": f"95 % percentile bootstrap over sources; none where a side has fewer than {MIN_PATIENTS} that only it "
    "has, or that the same sides share.",
    "Nearest training picture": "By the Euclidean distance of 16 x 16 thumbnails, in all eight mirror images and "
    "quarter turns, and by that of features.",
    "Share nearer": f"Share of generated pictures that are nearer to the training set than the {100 * QUANTILE:.0f} % "
    f"quantile of held-out real pictures is. About {100 * QUANTILE:.0f} % is what real pictures have.",
    "Copy": "The nearest training picture is at most a third as far as the nearest one of another source.",
    "PSNR, SSIM, MAE, MSE": "Of pictures of one name and size, in the values of the files: peak 255 for eight bits, "
    "else p99.9 - p0.1 of the reference; SSIM over windows of 7 pixels, mean over channels. For reconstructions: a "
    "generated picture that obeys its caption is another picture than the real one.",
}


@dataclass(frozen=True, eq=False)
class Judged:
    """All that was measured.

    Args:
        net: whose features; None without.
        size: of all pictures.
        sides: generated, reference and perhaps train.
        near: generated and reference -> nearest training pictures.
        groups: name -> measures; "all" first.
        pairs: of paired pictures.
        notes: caveats, one sentence each.
    """

    net: FeatureNet | None
    size: Size
    sides: Mapping[str, Seen]
    near: Mapping[str, Near]
    groups: Mapping[str, GroupMeasures]
    pairs: Sequence[PairError]
    notes: tuple[str, ...]

    @property
    def results(self) -> dict[str, Any]:
        """The numbers, JSON-able."""
        results: dict[str, Any] = {"size": list(self.size), "notes": list(self.notes)}
        if self.net is not None:
            results["features"] = {"name": self.net.name, "digest": self.net.digest, "about": self.net.about}
            results["groups"] = {name: group_results(measures) for name, measures in self.groups.items()}
        if self.pairs:
            results["paired"] = pair_results(self.pairs)
        return results


def distance_table(groups: Mapping[str, Any]) -> ReportTable:
    """Return the KID of each group, from `Judged.results`."""
    names = ["pictures", "KID", "95 % interval"]
    has_train = any("kid_difference" in group for group in groups.values())
    names += ["KID of train", "difference", "95 % interval"] if has_train else []
    rows = []
    for name, group in groups.items():
        cells = [str(group["compared"]), *_measure(group.get("kid"))]
        if has_train:
            cells += [_measure(group.get("kid_of_train"))[0], *_measure(group.get("kid_difference"))]
        rows.append([name, *cells])
    columns = [Column(name="group"), *(Column(name=name, numeric=True) for name in names)]
    return ReportTable(columns=columns, rows=rows, caption="Kernel distance to the reference, pictures on every side.")


def likeness_table(groups: Mapping[str, Any]) -> ReportTable:
    """Return FID, precision and recall of each group, from `Judged.results`."""
    keys = {"fid": "FID", "precision": "precision", "recall": "recall"}
    if any("precision_of_train" in group for group in groups.values()):
        keys |= {"precision_of_train": "precision of train", "recall_of_train": "recall of train"}
    rows = [
        [name, *(fixed(group.get(key), 2 if key == "fid" else 3) for key in keys)] for name, group in groups.items()
    ]
    columns = [Column(name="group"), *(Column(name=name, numeric=True) for name in keys.values())]
    return ReportTable(columns=columns, rows=rows, caption=f"FID is given from {LEAST:,} pictures a side on only.")


def memory_table(groups: Mapping[str, Any]) -> ReportTable | None:
    """Return the distances to the training pictures of each group and space; None without training pictures."""
    names = ["least", "median", "held-out least", "held-out median", "share nearer", "95 % interval", "copies"]
    names += ["held-out copies"]
    rows = []
    for name, group in groups.items():
        for space, each in (group.get("memorisation") or {}).items():
            ends = [each[side][key] for side in ("generated", "held_out") for key in ("least", "median")]
            copies = [str(each["copies"]), str(each["held_out_copies"])]
            rows.append([name, space, *(fixed(end, 2) for end in ends), *_measure(each["share_nearer"]), *copies])
    columns = [Column(name="group"), Column(name="space"), *(Column(name=name, numeric=True) for name in names)]
    caption = (
        "Distance to the nearest training picture: generated, and real pictures that were held out. No share with "
    )
    caption += f"fewer than {LEAST_HELD_OUT} of these."
    return ReportTable(columns=columns, rows=rows, caption=caption) if rows else None


def paired_table(paired: Mapping[str, Any]) -> ReportTable:
    """Return the paired measures, from `Judged.results`."""
    units = {"psnr": "PSNR (dB)", "ssim": "SSIM", "mae": "MAE", "mse": "MSE"}
    rows = []
    for key, name in units.items():
        each = paired[key]
        decimals = 3 if key == "ssim" else 2
        ends = each["range"] and [fixed(value, decimals) for value in each["range"]]
        interval = each["interval"] and [fixed(value, decimals) for value in each["interval"]]
        cells = [fixed(each["mean"], decimals), fixed(each["sd"], decimals)]
        cells += [" to ".join(pair) if pair else NOTHING for pair in (ends, interval)]
        rows.append([name, *cells, each.get("grade") or ""])
    columns = [Column(name=""), *(Column(name=name, numeric=True) for name in ("mean", "sd", "range", "95 % interval"))]
    equal = paired["equal_pictures"]
    caption = f"{paired['pictures']} pairs." + (f" {equal} of them are equal and have no PSNR." if equal else "")
    return ReportTable(columns=[*columns, Column(name="in words")], rows=rows, caption=caption)


def verdict(results: Mapping[str, Any]) -> Verdict:
    """Return how far generated pictures are from real ones, and whether they are copies, in one line."""
    group = (results.get("groups") or {}).get(ALL)
    if group is None:
        psnr = results["paired"]["psnr"] if "paired" in results else None
        if psnr is None:
            return Verdict(words="Nothing was measured", outcome="bad")
        pairs = f"{results['paired']['pictures']} pairs of pictures"
        return Verdict(words=f"PSNR {with_interval(psnr['mean'], psnr['interval'], 1, ' dB')} on {pairs}")
    outcome: Outcome = "neutral"
    difference = group.get("kid_difference")
    if difference and difference["value"] is not None:
        words, ends = _difference(difference).rstrip("."), difference["interval"]
        if ends is not None:
            outcome = "bad" if ends[0] > 0 else "good"
    else:
        kid = group.get("kid") or {"value": None, "interval": None}
        words = f"KID to real pictures {with_interval(kid['value'], kid['interval'], 4)}"
    memory = [_memory("", space, each) for space, each in (group.get("memorisation") or {}).items()]
    if any(tone == "warning" for tone, _ in memory):
        return Verdict(words=f"{words}; too near to training pictures, see Memorisation", outcome="bad")
    return Verdict(words=words + ("; no copy of a training picture was found" if memory else ""), outcome=outcome)


def distance_sentences(results: Mapping[str, Any]) -> list[tuple[Tone, str]]:
    """Return (tone, sentence) for what KID shows."""
    remarks: list[tuple[Tone, str]] = []
    for name, group in (results.get("groups") or {}).items():
        where = "" if name == ALL else f"{name}: "
        if group["not_measured"]:
            remarks.append(("warning", f"{where}not measured, {group['not_measured']}."))
        difference = group.get("kid_difference")
        if difference:
            remarks.append(("plain", where + _difference(difference)))
    return remarks


def memory_sentences(results: Mapping[str, Any]) -> list[tuple[Tone, str]]:
    """Return (tone, sentence) for what the distances to the training pictures show."""
    return [
        _memory("" if name == ALL else f"{name}: ", space, each)
        for name, group in (results.get("groups") or {}).items()
        for space, each in (group.get("memorisation") or {}).items()
        if each["share_nearer"]["value"] is not None or each["copies"]
    ]


def page(judged: Judged, failures: Mapping[str, str]) -> Result:
    """Return everything that the report shows."""
    results = judged.results
    result = Result(
        verdict=verdict(results), results=results, rows=_rows(judged), columns=COLUMNS, failures=dict(failures)
    )
    if judged.net is not None:
        _distance_section(result, judged, results)
        _memory_section(result, judged, results)
    if judged.pairs:
        section = result.section("Paired pictures")
        table = paired_table(results["paired"])
        section.table(table.columns, table.rows, table.caption)
        section.text("The words are a convention (see the page on evaluation), not a verdict on any use.", "note")
    if judged.notes:
        notes = result.section("Notes")
        for note in judged.notes:
            notes.text(f"{note}.", "note")
    result.section("Definitions").definitions(DEFINITIONS)
    return result


def _distance_section(result: Result, judged: Judged, results: Mapping[str, Any]) -> None:
    assert judged.net is not None
    section = result.section("Distance to real pictures")
    for tone, sentence in distance_sentences(results):
        section.text(sentence, tone)
    for number, name in enumerate(judged.groups):
        if name == ALL and len(judged.groups) > 1:
            continue
        sheet = _sheet(judged, name)
        if sheet:
            file = _SHEET.format(number)
            result.figures[file] = sheet
            words = f"{'Pictures' if name == ALL else name}: generated above, reference below, drawn by chance."
            section.figure(file, words, words)
    for table in (distance_table(results["groups"]), likeness_table(results["groups"])):
        section.table(table.columns, table.rows, table.caption)
    rows, columns = judged.size
    section.text(f"Features: {judged.net.about} Digest of the weights: {judged.net.digest}.")
    section.text(f"All pictures were brought to {rows} rows and {columns} columns first.")


def _memory_section(result: Result, judged: Judged, results: Mapping[str, Any]) -> None:
    table = memory_table(results["groups"])
    if table is None:
        return
    section = result.section("Memorisation")
    for tone, sentence in memory_sentences(results):
        section.text(sentence, tone)
    section.table(table.columns, table.rows, table.caption)
    distances = {}
    for group in judged.groups:
        for side in (_GENERATED, _REFERENCE):
            rows = _of_group(judged.sides[side], group)
            if rows and (group != ALL or len(judged.groups) == 1):
                values = judged.near[side][PIXELS].distance_N[rows[:: max(1, len(rows) // _MOST_DOTS)]]
                words = "held-out" if side == _REFERENCE else side
                distances[words if group == ALL else f"{group}, {words}"] = values.tolist()
    result.figures[_CHART] = dots(distances, "distance to the nearest training picture (16 x 16 pixels)")
    words = "Each picture's distance to its nearest training picture (dots) and the mean (line)."
    section.figure(_CHART, words, words)
    result.figures[_SAME] = _same_sheet(judged)
    words = (
        "Generated pictures (framed where they are copies) that came nearest to one training picture, measured against "
        "the next one, each with this training picture beside it, mirrored and turned as it fits best."
    )
    section.figure(_SAME, words, words)


def _difference(difference: Mapping[str, Any]) -> str:
    value, ends = difference["value"], difference["interval"]
    if value is None:
        return "KID difference: not measured."
    number = f"KID(generated, reference) - KID(train, reference) = {value:.4f}"
    if ends is None:
        return f"{number}, too few sources for an interval."
    number += f" (95 % interval {ends[0]:.4f} to {ends[1]:.4f})"
    if ends[0] > 0:
        return f"{number}: generated pictures are farther from the reference than training pictures are."
    if ends[1] < 0:
        return f"{number}: generated pictures are nearer to the reference than training pictures are."
    return f"{number}: no difference to training pictures is shown beyond chance."


def _memory(where: str, space: str, each: Mapping[str, Any]) -> tuple[Tone, str]:
    share, ends = each["share_nearer"]["value"], each["share_nearer"]["interval"]
    too_near = share is not None and (share > QUANTILE if ends is None else ends[0] > QUANTILE)
    words = f"{where}in {space}, fewer than {LEAST_HELD_OUT} held-out pictures do not show how near real ones lie to a "
    words += "training picture"
    if share is not None:
        words = (
            f"{where}in {space}, {100 * share:.1f} % of the generated pictures are nearer to a training picture than "
        )
        words += f"the nearest {100 * QUANTILE:.0f} % of the held-out pictures are"
    words += f"; {each['copies']} {'is a copy' if each['copies'] == 1 else 'are copies'}"
    words += f" ({each['held_out_copies']} of the held-out pictures by the same rule)."
    return ("warning" if too_near or each["copies"] else "plain"), words


def _sheet(judged: Judged, group: str) -> bytes | None:
    """Return generated pictures above reference pictures."""
    tiles = []
    for side in (_GENERATED, _REFERENCE):
        rows = _of_group(judged.sides[side], group)
        if len(rows) < _SHOWN:
            return None
        seen, chosen = judged.sides[side], shuffled([str(row) for row in rows], "sheet")[:_SHOWN]
        tiles += [Tile(_short(seen.ids[row], side), seen.tiles[row]) for row in sorted(map(int, chosen))]
    return contact_sheet(tiles, _SHOWN)


def _same_sheet(judged: Judged) -> bytes:
    near, train = judged.near[_GENERATED][PIXELS], judged.sides[_TRAIN]
    generated = judged.sides[_GENERATED]
    copies = near.copies | judged.near[_GENERATED][FEATURES].copies
    ratio = near.distance_N / np.maximum(near.other_N, 1e-9)
    order = np.lexsort((ratio, ~copies))[:_PAIRS]
    tiles = []
    for row in order:
        at = int(near.row_N[row])
        tiles.append(Tile(_short(generated.ids[row], _GENERATED), generated.tiles[row], framed=bool(copies[row])))
        tiles.append(Tile(_short(train.ids[at], _TRAIN), _back(train.tiles[at], int(near.turn_N[row]))))
    return contact_sheet(tiles, 4)


def _back(tile: Any, turn: int) -> Any:
    """Return a training picture in the position in which it resembles the generated one: the turn undone."""
    square = tile[None].astype(float)
    undone = turned(square, 4 + turn % 4) if turn >= 4 else turned(square, -turn % 4)
    return undone[0].astype(np.uint8)


def _short(name: str, side: str) -> str:
    return f"{side}\n{name if len(name) <= 18 else name[:8] + '...' + name[-7:]}"


def _of_group(seen: Seen, group: str) -> list[int]:
    return [row for row, name in enumerate(seen.groups) if group in (ALL, name)]


def _rows(judged: Judged) -> list[dict[str, Cell]]:
    rows: list[dict[str, Cell]] = []
    for side in (_GENERATED, _REFERENCE):
        seen, near = judged.sides.get(side), judged.near.get(side)
        for row, case in enumerate(seen.ids if seen else ()):
            cells: dict[str, Cell] = {"side": side, "picture": case, "group": seen.groups[row] if seen else ""}
            for space, each in (near or {}).items():
                cells[f"{space}_nearest"] = judged.sides[_TRAIN].ids[each.row_N[row]]
                cells[f"{space}_distance"] = float(each.distance_N[row])
                cells[f"{space}_copy"] = int(each.copies[row])
            rows.append(cells)
    for pair in judged.pairs:
        measures = {name: float(getattr(pair.error, name)) for name in MEASURES}
        rows.append({"side": "pair", "picture": pair.case, **measures})
    return rows


def _measure(measure: Mapping[str, Any] | None) -> tuple[str, str]:
    if measure is None:
        return NOTHING, NOTHING
    ends = measure["interval"]
    return fixed(measure["value"], 4), NOTHING if ends is None else f"{ends[0]:.4f} to {ends[1]:.4f}"
