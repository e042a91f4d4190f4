"""Options of the head CT phantom."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from vesalius.config import Config
from vesalius.phantom.head_ct.labels import BleedName

Share = Annotated[float, Field(ge=0, le=1)]
Range = tuple[float, float]


class BleedRates(Config):
    """Shares of studies with a finding; shares of single types are among all studies, not among positives."""

    any: Share = Field(default=0.40, description="share of studies with a bleed of any type")
    epidural: Share = Field(default=0.025, description="share of studies with an epidural bleed")
    intraparenchymal: Share = Field(default=0.125, description="share of studies with a bleed within the brain")
    intraventricular: Share = Field(default=0.09, description="share of studies with blood in the ventricles")
    subarachnoid: Share = Field(default=0.14, description="share of studies with subarachnoid blood")
    subdural: Share = Field(default=0.17, description="share of studies with a subdural bleed")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        shares = [getattr(self, name.value) for name in BleedName]
        if max(shares) > self.any + 1e-9:
            raise ValueError("no single type can be more frequent than any")
        if sum(shares) < self.any - 1e-9:
            raise ValueError("the types together must be at least as frequent as any")
        return self


class Volumes(Config):
    """Smallest and largest volume of each type at its first study, mL; drawn evenly on a logarithmic scale."""

    epidural: Range = Field(default=(6.0, 60.0), description="epidural, mL")
    intraparenchymal: Range = Field(default=(1.0, 45.0), description="intraparenchymal, mL")
    intraventricular: Range = Field(default=(1.0, 15.0), description="intraventricular, mL")
    subarachnoid: Range = Field(default=(1.5, 20.0), description="subarachnoid, mL")
    subdural: Range = Field(default=(4.0, 80.0), description="subdural, mL")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in BleedName:
            _check_range(getattr(self, name.value), name.value, 0.05, 250.0)
        return self


class LookAlikes(Config):
    """Findings that can be mistaken for blood. Shares are of patients, those of motion and streaks of studies."""

    calcification: Share = Field(default=0.65, description="share of patients with a calcified pineal gland or plexus")
    basal_ganglia: Share = Field(default=0.15, description="share of patients with calcified basal ganglia")
    dense_falx: Share = Field(default=0.30, description="share of patients with a thick, dense falx and tentorium")
    dense_vessels: Share = Field(default=0.30, description="share of patients with dense arteries and sinuses")
    motion: Share = Field(default=0.15, description="share of studies with some slices blurred by motion")
    streaks: Share = Field(default=0.7, description="share of studies with streaks between the petrous bones")


class BleedRequest(Config):
    """One bleed that every study has, instead of drawn ones."""

    type: BleedName = Field(description="type of the bleed")
    volume_ml: float = Field(gt=0, le=250, description="volume of its mask, mL")
    hu: float = Field(default=65.0, ge=5, le=95, description="mean HU before noise")
    pattern: str | None = Field(default=None, description="a pattern of that type; drawn by default")


class HeadCtOptions(Config):
    """All options of a head CT phantom, besides the numbers of the patient and the study."""

    seed: int = Field(default=0, ge=0, description="the same seed gives the same studies")
    matrix: int = Field(default=256, ge=64, le=1024, description="rows and columns of a slice")
    slices: int = Field(default=32, ge=8, le=96, description="slices of a study")
    thickness_mm: float = Field(default=5.0, ge=0.5, le=12, description="thickness and distance of the slices")
    fov_mm: Range = Field(default=(220.0, 250.0), description="smallest and largest field of view")
    subslices: int = Field(default=3, ge=1, le=9, description="samples through a slice, odd")
    kernel_mm: float = Field(default=0.55, ge=0, le=3, description="blur of the reconstruction in the slice, std")
    noise_hu: float = Field(default=3.5, ge=0, le=50, description="standard deviation of the noise in a slice")
    noise_kernel_mm: float = Field(default=0.4, ge=0, le=3, description="blur that correlates the noise, std")
    texture_hu: float = Field(default=0.7, ge=0, le=5, description="slow variation within a tissue, std")
    cupping_hu: float = Field(default=2.5, ge=0, le=20, description="brightening beneath the skull (beam hardening)")
    streak_hu: float = Field(default=9.0, ge=0, le=60, description="depth of the streaks between the petrous bones")
    tilt_degrees: float = Field(default=7.0, ge=0, le=30, description="std of the head's rotation about each axis")
    age_years: Range = Field(default=(30.0, 90.0), description="youngest and oldest patient")
    studies_per_patient: tuple[int, int] = Field(default=(1, 3), description="fewest and most studies of a patient")
    prevalence: BleedRates = Field(default_factory=BleedRates, description="how often each type occurs")
    volume_ml: Volumes = Field(default_factory=Volumes, description="how large bleeds are")
    acute_hu: Range = Field(default=(50.0, 76.0), description="mean HU of fresh blood")
    subacute_hu: Range = Field(default=(36.0, 50.0), description="mean HU of older blood")
    subacute: Share = Field(default=0.25, description="share of bleeds that are older at their first study")
    lookalikes: LookAlikes = Field(default_factory=LookAlikes, description="findings that look like blood")
    bleeds: tuple[BleedRequest, ...] | None = Field(
        default=None, description="exactly these bleeds in every study; drawn by prevalence by default"
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.subslices % 2 == 0:
            raise ValueError("subslices must be odd, so that one of them is the middle")
        _check_range(self.fov_mm, "fov_mm", 200.0, 350.0)
        _check_range(self.age_years, "age_years", 18.0, 110.0)
        _check_range(self.acute_hu, "acute_hu", 20.0, 95.0)
        _check_range(self.subacute_hu, "subacute_hu", 5.0, 95.0)
        _check_range(self.studies_per_patient, "studies_per_patient", 1, 20)
        types = [bleed.type for bleed in self.bleeds or ()]
        if len(set(types)) < len(types):
            raise ValueError("bleeds names a type twice")
        return self


def _check_range(given: tuple[float, float], name: str, low: float, high: float) -> None:
    if not (all(map(math.isfinite, given)) and low <= given[0] <= given[1] <= high):
        raise ValueError(f"{name} must be two numbers from {low:g} to {high:g}, the smaller first")
