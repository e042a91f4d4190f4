"""Whole-slide images: one case for each tile with tissue. Nothing is copied; tiles of one slide stay together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from vesalius.cohort.builders.files import expected, files_below, listed, named_part, relative, stem
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import moved, read_manifest
from vesalius.config import Config
from vesalius.errors import InputError
from vesalius.scan.region import Region
from vesalius.scan.slides.slide import SLIDES, Slide, is_slide, open_slide
from vesalius.scan.slides.tissue import tissue_tiles
from vesalius.seeding import shuffled

_TIFF = (".tif", ".tiff")
_COARSER = 1.01
"""Slides this much coarser than wished are left out: their tiles would hold no more than a blurred enlargement."""
_NO_PATIENTS = "no patients known: the tiles of one slide stay together; set patient=REGEX or table=MANIFEST"
_UNREADABLE = "slides that cannot be read, left out"


class SlidesOptions(Config):
    """Size and resolution of the tiles, and what is known of the slides."""

    tile: int = Field(default=224, ge=1, le=8192, description="pixels along a side of a tile")
    um_per_pixel: float = Field(default=0.5, gt=0, le=1000, description="resolution of the tiles in micrometres")
    min_tissue: float = Field(default=0.5, ge=0, le=1, description="share of a tile that must be tissue")
    max_tiles: int | None = Field(default=None, ge=1, description="tiles of a slide at most, chosen at random")
    seed: int = Field(default=0, description="random seed of this choice")
    slide_um_per_pixel: float | None = Field(
        default=None, gt=0, le=1000, description="resolution of level 0 of the slides that do not state it"
    )
    patient: str | None = Field(
        default=None, description='regular expression for the patient in the path of a slide, as "TCGA-..-...."'
    )
    table: Path | None = Field(
        default=None,
        description="manifest of the slides, below DIR, with patient, study, labels, facts or split for their tiles",
    )


def build(folder: Path, options: SlidesOptions) -> Cohort:
    """Return one case for each tile of a grid over each slide that holds enough tissue.

    A slide is a study, so that its tiles are never divided even where the patient is unknown.

    Raises:
        InputError: no slide, one that does not state its resolution, or no tile at all.
        MissingExtraError: openslide is not installed.
    """
    home = folder if folder.is_dir() else folder.parent
    slides, notes = _slides(folder, home, options)
    left_out: dict[str, list[str]] = defaultdict(list)
    cases: list[Case] = []
    for slide in slides.cases:
        tiles = _tiles(slides.path(slide.images[IMAGE]), options, left_out)
        cases += [_tile(slide, tile) for tile in _chosen(slide, tiles, options)]
    notes += listed(left_out)
    if not cases:
        fix = "mend the slides, or choose other values of min_tissue, um_per_pixel and tile"
        raise InputError(f"no tile was found: {'; '.join(notes)}", where=folder, fix=fix)
    used = len({case.study for case in cases})
    size = f"{options.tile} x {options.tile} pixels at {options.um_per_pixel:g} um per pixel"
    notes.insert(0, f"tiles of {size} from {used} of {len(slides)} slides, {options.min_tissue:.0%} tissue at least")
    without = [case.id for case in slides if case.patient is None]
    notes += [_NO_PATIENTS] if len(without) == len(slides) else listed({"slides without a patient": without})
    return Cohort(tuple(cases), home, tuple(notes))


def _slides(folder: Path, home: Path, options: SlidesOptions) -> tuple[Cohort, list[str]]:
    """Return one case for each slide, and notes."""
    if options.table is not None:
        cohort = moved(read_manifest(home / options.table), home)
        if any(set(case.images) != {IMAGE} for case in cohort):
            what = "has cases without the one image that is the slide"
            raise InputError(what, where=home / options.table, fix="name the slides in the column image")
        return cohort, list(cohort.notes)
    paths = list(files_below(folder, (*SLIDES, *_TIFF))) if folder.is_dir() else [folder]
    slides = [path for path in paths if not path.name.lower().endswith(_TIFF) or is_slide(path)]
    if not slides:
        raise expected("slides", "no whole-slide image in it", folder)
    others = [relative(path, home) for path in paths if path not in set(slides)]
    cases = [
        Case(
            id=stem(path, (*SLIDES, *_TIFF)),
            patient=named_part(options.patient, relative(path, home), "patient"),
            study=relative(path, home),
            images={IMAGE: relative(path, home)},
        )
        for path in slides
    ]
    return Cohort(tuple(cases), home), listed({"TIFF files that are no whole-slide images, left out": others})


def _tiles(path: Path, options: SlidesOptions, left_out: dict[str, list[str]]) -> Sequence[Region]:
    """Return the tiles of a slide; without any, its name joins `left_out` under the reason."""
    try:
        slide = open_slide(path)
    except InputError as error:
        left_out[_UNREADABLE].append(f"{path.name}: {error.what}")
        return []
    um_per_pixel = _um_per_pixel(slide, options)
    try:
        why, tiles = _unfit(slide, um_per_pixel, options), []
        if why is None:
            tiles = tissue_tiles(slide, um_per_pixel, options.um_per_pixel, options.tile, options.min_tissue)
    except InputError as error:
        left_out[_UNREADABLE].append(f"{path.name}: {error.what}")
        return []
    if not tiles:
        left_out[why or "no tissue, left out"].append(path.name)
    return tiles


def _um_per_pixel(slide: Slide, options: SlidesOptions) -> tuple[float, float]:
    if slide.um_per_pixel is not None:
        return slide.um_per_pixel
    if options.slide_um_per_pixel is None:
        fix = "state that of level 0 as slide_um_per_pixel=0.25"
        raise InputError("does not state its micrometres per pixel", where=slide.path, fix=fix)
    return options.slide_um_per_pixel, options.slide_um_per_pixel


def _unfit(slide: Slide, um_per_pixel: tuple[float, float], options: SlidesOptions) -> str | None:
    """Return why a slide can have no tile, or None."""
    if max(um_per_pixel) > options.um_per_pixel * _COARSER:
        return f"coarser than {options.um_per_pixel:g} um per pixel, left out"
    least_um = options.tile * options.um_per_pixel
    if any(length * um < least_um for length, um in zip(slide.size, um_per_pixel, strict=True)):
        return "smaller than one tile, left out"
    return None


def _chosen(slide: Case, tiles: Sequence[Region], options: SlidesOptions) -> Sequence[Region]:
    """Return the tiles in their order, a random choice of them where there are too many."""
    if options.max_tiles is None:
        return tiles
    first = set(shuffled([tile.text for tile in tiles], options.seed, slide.id)[: options.max_tiles])
    return [tile for tile in tiles if tile.text in first]


def _tile(slide: Case, tile: Region) -> Case:
    return slide.model_copy(
        update={
            "id": f"{slide.id}-{tile.x}-{tile.y}",
            "study": slide.study or slide.id,
            "images": {IMAGE: f"{slide.images[IMAGE]}#{tile.text}"},
        }
    )
