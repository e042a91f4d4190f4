"""The JSON header and tail of a `.vsl` file as strict models, and their translation to Scan facts.

Floats are written with Python's shortest form that reads back to the same float64.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, field_validator

from vesalius.codec.digits import at_most
from vesalius.codec.sform import sform
from vesalius.errors import CorruptFileError, VesaliusError
from vesalius.scan.display_state import NOTHING_STATED, DisplayState, VoiFunction, VoiTable, VoiWindow
from vesalius.scan.geometry import check_affine
from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan, Space
from vesalius.scan.stack import SliceStack

_DTYPE = re.compile(r"[<>|=][biufc]\d{1,2}")
_Size = Field(ge=1, le=1 << 31)
_Row = Annotated[tuple[float, ...], FailFast()]
_Table = Annotated[tuple[_Row, ...], FailFast()]
_Scales = Annotated[tuple[Annotated[tuple[float | None, ...], FailFast()], ...], FailFast()]
_Words = Annotated[tuple[str, ...], FailFast()]
"""Lists stop at their first wrong item: a list of a million wrong items would take memory for as many errors."""
_USUAL_SPACES: dict[str, tuple[Space, ...]] = {"dicom": ("scanner",), "nifti": ("scanner",)}
"""format -> the worlds of a header that names none."""
_MAX_STEPS = 1 << 18
"""Most frames whose times are stored as start and step."""
MAX_ATTACHMENT = 1 << 29
"""Bytes of the largest attachment."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Self:
        """Check a JSON object; CorruptFileError names the first key that is missing or impossible."""
        try:
            return cls.model_validate_json(json.dumps(raw))
        except (ValidationError, TypeError, ValueError, RecursionError) as error:
            place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
            key = ".".join(map(str, place)) or type(error).__name__
            raise CorruptFileError(f"the {cls.__name__.lower()} has an impossible value ({key})") from error


class GridModel(_Model):
    """One affine: 16 numbers, row by row, voxel centre to RAS+ mm."""

    kind: Literal["grid"]
    affine: _Row = Field(min_length=16, max_length=16)


class SformModel(_Model):
    """The affine is the sform of the NIfTI header in attachment `blob`, as it stands there."""

    kind: Literal["sform"]
    blob: int = Field(default=0, ge=0)


class StackModel(_Model):
    """Positions of the slices: nine numbers each (origin, step along i, step along j; RAS+ mm)."""

    kind: Literal["stack"]
    slices: _Table
    thickness_mm: float | None = None


class IntensityModel(_Model):
    """real = slope * stored + inter; one number each, or a table [t][k]; null where it is not known."""

    slope: _Scales
    inter: _Scales
    unit: str = ""
    problem: str = ""


class StepsModel(_Model):
    """Frames at start + step x n ms."""

    start: float
    step: float


class DisplayModel(_Model):
    """How the source wants the scan shown: a window, or the entries of a table (little-endian uint16 in base64)."""

    window: tuple[float, float] | None = None
    function: VoiFunction = "LINEAR"
    first: int = 0
    bits: int = Field(default=16, ge=8, le=16)
    entries: str = Field(default="", max_length=1 << 18)
    padding: tuple[float, float] | None = None
    pixel_aspect: float = Field(default=1.0, gt=0)
    directions: tuple[str, str] | None = None


class BlobModel(_Model):
    """Name and length of an attachment."""

    name: str
    length: int = Field(ge=0, le=MAX_ATTACHMENT)


class _TierRecord(_Model):
    """Fields that the records of all tiers begin with."""

    name: Literal["lossless", "lossy", "tokens"]
    kind: str
    coder: str
    coder_id: int = Field(ge=0, le=255)
    coder_version: int = Field(ge=0, le=255)
    frames_per_chunk: int = _Size
    slices_per_chunk: int = Field(default=1, ge=1, le=1 << 31)
    exact: bool


class LosslessRecord(_TierRecord):
    """Record of a lossless tier."""

    kind: Literal["lossless"]
    whole: bool = False
    low: int = 0
    plane_bits: Annotated[tuple[int, ...], FailFast()] = ()
    table_blob: int | None = None
    table_length: int = Field(default=0, ge=0, le=1 << 16)
    target: str = ""


class LossyRecord(_TierRecord):
    """Record of a tier of a lossy coder."""

    kind: Literal["lossy"]
    low: float = 0.0
    step: float = Field(default=1.0, gt=0)
    masked: bool = False
    target: str = ""


class BoundedRecord(_TierRecord):
    """Record of a tier with a bound on its error."""

    kind: Literal["bounded"]
    low: float = 0.0
    step: float = Field(default=1.0, gt=0)
    masked: bool = False
    base_coder_id: int | None = None
    base_low: float = 0.0
    base_step: float = Field(default=1.0, gt=0)
    target: str = ""


class TokensRecord(_TierRecord):
    """Record of a tier of tokens; without a digest it holds the means alone."""

    kind: Literal["tokens"]
    low: float = 0.0
    step: float = Field(default=1.0, gt=0)
    masked: bool = False
    model: str = Field(default="", max_length=200)
    digest: str | None = Field(default=None, pattern=r"^[0-9a-f]{16}$")
    quality: int = 0
    prefix: int = Field(default=0, ge=0, le=1 << 26)
    target: str = ""


TierRecord = Annotated[LosslessRecord | LossyRecord | BoundedRecord | TokensRecord, Field(discriminator="kind")]
"""Record of one tier; `vesalius.codec.tiers` writes and reads it."""


class Header(_Model):
    """Everything known before the first chunk."""

    tool: str
    shape: tuple[int, int, int, int, int]
    dtype: str
    geometry: GridModel | SformModel | StackModel | None = Field(default=None, discriminator="kind")
    intensity: IntensityModel
    frame_ms: tuple[float, ...] | StepsModel | None = None
    t_meaning: Literal["time", "diffusion", "echo", "unknown"] = "unknown"
    modality: str = "unknown"
    colour: Literal["grey", "inverted", "rgb", "ybr", "palette", "channels"] = "grey"
    spaces: Annotated[tuple[Space, ...], Field(max_length=2)] | None = None
    display_state: DisplayModel | None = None
    problems: _Words = ()
    peak: float = Field(ge=0)
    format: str
    facts: dict[str, Any] = {}
    folder: bool = False
    native_blobs: _Words = ()
    blobs: Annotated[tuple[BlobModel, ...], FailFast()] = ()
    tiers: Annotated[tuple[TierRecord, ...], FailFast()] = Field(min_length=1, max_length=8)
    weights: str | None = None
    job: str | None = None

    @field_validator("shape")
    @classmethod
    def _shape(cls, shape: tuple[int, ...]) -> tuple[int, ...]:
        if not all(1 <= n <= 1 << 31 for n in shape) or math.prod(shape) > 1 << 48:
            raise ValueError("a size is out of bounds")
        return shape

    @field_validator("frame_ms", mode="before")
    @classmethod
    def _times(cls, times: Any) -> Any:
        if not isinstance(times, list):
            return times
        if not all(isinstance(time, int | float) for time in times):
            raise ValueError("a time is no number")  # one error for all
        return tuple(times)

    @field_validator("dtype")
    @classmethod
    def _dtype(cls, dtype: str) -> str:
        if not _DTYPE.fullmatch(dtype):
            raise ValueError("is not a number type")
        np.dtype(dtype)
        return dtype


class TierReached(_Model):
    """Quality of a tier, measured by decoding before the file was closed."""

    sha256: str | None = None
    psnr_db: float | None = None
    max_error: float | None = None
    tolerance: float = 0.0
    tokens: str | None = None
    note: str = ""


class Tail(_Model):
    """Everything known only after the last chunk."""

    tiers: Annotated[tuple[TierReached, ...], FailFast()]


def geometry_model(scan: Scan, blobs: Sequence[bytes] = ()) -> GridModel | SformModel | StackModel | None:
    """Return the geometry of a scan as it is stored; by the NIfTI header among the attachments that states it."""
    if scan.geometry is None:
        return None
    if isinstance(scan.geometry, SliceStack):
        stack = scan.geometry
        rows = np.concatenate([stack.origins_K3, stack.steps_i_K3, stack.steps_j_K3], axis=1)
        return StackModel(
            kind="stack", slices=tuple(tuple(row) for row in rows.tolist()), thickness_mm=stack.thickness_mm
        )
    for number, blob in enumerate(blobs):
        with suppress(CorruptFileError):
            if sform(blob).tobytes() == scan.geometry.tobytes():
                return SformModel(kind="sform", blob=number)
    return GridModel(kind="grid", affine=tuple(scan.geometry.ravel().tolist()))


def times_model(scan: Scan) -> tuple[float, ...] | StepsModel | None:
    """Return the frame times of a scan as they are stored: as start and step where that gives the same numbers."""
    times = scan.frame_ms
    if times is None or not 2 <= len(times) <= _MAX_STEPS or not all(map(math.isfinite, times)):
        return times
    first = StepsModel(start=times[0], step=times[1] - times[0])
    for steps in (first, first.model_copy(update={"step": at_most(first.step, 7)})):
        if _every(steps, len(times)) == times:
            return steps
    return times


def spelled_out(header: Header, attachment: Callable[[int], bytes]) -> Header:
    """Return a header whose affine and frame times are lists of numbers.

    Raises:
        CorruptFileError: it has more frames than a step may stand for, or its affine is in no NIfTI header.
    """
    facts: dict[str, Any] = {}
    if isinstance(header.frame_ms, StepsModel):
        if header.shape[1] > _MAX_STEPS:
            raise CorruptFileError("there are more frames than have times")
        facts["frame_ms"] = _every(header.frame_ms, header.shape[1])
    if isinstance(header.geometry, SformModel):
        if header.geometry.blob >= len(header.blobs):
            raise CorruptFileError("the geometry is in an attachment that is missing")
        affine = tuple(sform(attachment(header.geometry.blob)).ravel().tolist())
        facts["geometry"] = GridModel.model_construct(kind="grid", affine=affine)
    return header.model_copy(update=facts)


def spaces_model(scan: Scan, format: str) -> tuple[Space, ...] | None:
    """Return the worlds of a scan as they are stored: None where they are the usual ones of its format."""
    return None if scan.spaces == _USUAL_SPACES.get(format, ()) else scan.spaces


def intensity_model(intensity: Intensity) -> IntensityModel:
    """Return the intensity map of a scan as it is stored."""
    slope, inter = (
        tuple(tuple(None if math.isnan(value) else value for value in row) for row in table.tolist())
        for table in (intensity.slope_TK, intensity.inter_TK)
    )
    return IntensityModel(slope=slope, inter=inter, unit=intensity.unit, problem=intensity.problem)


def display_model(state: DisplayState) -> DisplayModel | None:
    """Return how a scan is shown, as it is stored, None where nothing is stated."""
    if state == NOTHING_STATED:
        return None
    model = DisplayModel(padding=state.padding, pixel_aspect=state.pixel_aspect, directions=state.directions)
    if isinstance(state.voi, VoiWindow):
        stated: dict[str, Any] = {"window": (state.voi.center, state.voi.width), "function": state.voi.function}
    elif isinstance(state.voi, VoiTable):
        table = state.voi
        stated = {"first": table.first, "bits": table.bits, "entries": base64.b64encode(table.entries).decode()}
    else:
        stated = {}
    return model.model_copy(update=stated)


def scan_facts(header: Header) -> dict[str, Any]:
    """Return the keyword arguments of Scan, all but pixels and native, from a header that was `spelled_out`.

    Raises:
        CorruptFileError: geometry, intensity or frame times do not fit the shape.
    """
    _, frames, _, _, slices = header.shape
    try:
        times = header.frame_ms
        if isinstance(times, StepsModel) or (times is not None and len(times) != frames):
            raise ValueError("frame times")
        return {
            "geometry": _geometry(header.geometry, slices),
            "intensity": _intensity(header.intensity, frames, slices),
            "frame_ms": times,
            "t_meaning": header.t_meaning,
            "modality": header.modality,
            "colour": header.colour,
            "spaces": _USUAL_SPACES.get(header.format, ()) if header.spaces is None else header.spaces,
            "display_state": _display_state(header.display_state),
            "problems": header.problems,
        }
    except (ValueError, VesaliusError) as error:
        raise CorruptFileError(f"the header does not fit its shape ({error})") from error


def _every(steps: StepsModel, frames: int) -> tuple[float, ...]:
    return tuple(steps.start + steps.step * frame for frame in range(frames))


def _geometry(model: GridModel | SformModel | StackModel | None, slices: int) -> Any:
    if model is None:
        return None
    if isinstance(model, SformModel):
        raise ValueError("geometry")
    if isinstance(model, GridModel):
        return check_affine(np.array(model.affine).reshape(4, 4))
    rows = np.array(model.slices, dtype=np.float64)
    if rows.shape != (slices, 9):
        raise ValueError("slice positions")
    return SliceStack(rows[:, :3], rows[:, 3:6], rows[:, 6:], model.thickness_mm)


def _intensity(model: IntensityModel, frames: int, slices: int) -> Intensity:
    slope, inter = np.array(model.slope, dtype=np.float64), np.array(model.inter, dtype=np.float64)
    if slope.shape != inter.shape or slope.shape not in ((1, 1), (frames, slices)):
        raise ValueError("intensity map")
    return Intensity(slope, inter, model.unit, model.problem)


def _display_state(model: DisplayModel | None) -> DisplayState:
    if model is None:
        return NOTHING_STATED
    voi: VoiWindow | VoiTable | None = None
    if model.entries:
        entries = base64.b64decode(model.entries, validate=True)
        if len(entries) % 2:
            raise ValueError("lookup table")
        voi = VoiTable(model.first, model.bits, entries)
    elif model.window is not None:
        if model.window[1] < (model.function == "LINEAR") or model.window[1] == 0:
            raise ValueError("window")
        voi = VoiWindow(*model.window, model.function)
    return DisplayState(voi, model.padding, model.pixel_aspect, model.directions)
