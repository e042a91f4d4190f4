"""Options of the cine phantom."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from vesalius.config import Config

Group = Literal["NOR", "DCM", "HCM", "MINF", "RV"]
"""The five groups of ACDC: normal, dilated, hypertrophic, infarcted, abnormal right ventricle."""
GROUPS: tuple[Group, ...] = get_args(Group)
_BOUNDS = {"fov_mm": (250.0, 600.0), "thickness_mm": (3.0, 15.0)}
_CROP = (32, 512)


class CineOptions(Config):
    """Options of a cohort of cine phantoms."""

    patients: int = Field(default=5, ge=1, le=100_000, description="number of patients; their groups take turns")
    seed: int = Field(default=0, ge=0, description="every draw depends on it and on the name of the patient")
    groups: tuple[Group, ...] = Field(default=GROUPS, min_length=1, description="groups that take turns")
    frames: int = Field(default=25, ge=8, le=64, description="frames of one heart beat; the first is end-diastole")
    size: int = Field(default=256, ge=48, le=512, description="rows and columns of a picture")
    fov_mm: tuple[float, float] = Field(default=(300.0, 360.0), description="least and greatest side of a picture, mm")
    thickness_mm: tuple[float, float] = Field(default=(8.0, 10.0), description="least and greatest slice distance, mm")
    noise: float = Field(
        default=0.03, ge=0, le=0.5, description="sigma of the Rician noise over the signal of LV blood"
    )
    shading: float = Field(default=1.0, ge=0, le=2, description="receive coils: 0 even, 1 as seen on scanners")
    banding: float = Field(
        default=1.0, ge=0, le=3, description="off-resonance: 0 none, 1 bands near the edges, 2 closer"
    )
    flow: float = Field(default=1.0, ge=0, le=3, description="unevenness of moving blood: 0 none, 1 usual")
    shift_mm: float = Field(
        default=1.5, ge=0, le=10, description="standard deviation of the breath-hold shift of a slice"
    )
    variety: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="how far signals, papillary muscles, place and brightness of slices differ from patient to patient",
    )
    crop: tuple[int, int] | None = Field(
        default=None, description="least and greatest side of a cut-out about the heart, pixels; null: whole pictures"
    )
    labels_4d: bool = Field(default=False, description="write the labels of every frame too")

    @field_validator("crop")
    @classmethod
    def _is_a_side(cls, sides: tuple[int, int] | None) -> tuple[int, int] | None:
        low, high = _CROP
        if sides is not None and not low <= sides[0] <= sides[1] <= high:
            raise ValueError(f"give two rising numbers between {low} and {high}")
        return sides

    @field_validator("fov_mm", "thickness_mm")
    @classmethod
    def _is_a_range(cls, limits: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        low, high = _BOUNDS[info.field_name or ""]
        if not low <= limits[0] <= limits[1] <= high:
            raise ValueError(f"give two rising numbers between {low:g} and {high:g}")
        return limits
