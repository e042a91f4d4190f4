"""Names and numbers: tissues of the truth map, types of bleed, columns of the tables."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Tissue(IntEnum):
    """Tissue of a voxel of the truth map. Blood is in the mask; the map states the tissue in which it lies."""

    AIR = 0
    SKIN = 1
    FAT = 2
    MUSCLE = 3
    COMPACT_BONE = 4
    DIPLOE = 5
    INNER_AIR = 6
    """Sinuses, nose and mastoid cells."""
    EYE = 7
    HEADREST = 8
    CSF = 10
    """Subarachnoid space: convexity, sulci, fissures and cisterns."""
    VENTRICLE = 11
    GREY = 12
    WHITE = 13
    DEEP_GREY = 14
    STEM = 15
    """Midbrain, pons, medulla and cord."""
    DURA = 16
    """Falx and tentorium."""
    VESSEL = 17
    CALCIFICATION = 18
    OEDEMA = 19


class BleedName(StrEnum):
    """Types of bleed, in the order of their mask values 1 to 5."""

    EPIDURAL = "epidural"
    INTRAPARENCHYMAL = "intraparenchymal"
    INTRAVENTRICULAR = "intraventricular"
    SUBARACHNOID = "subarachnoid"
    SUBDURAL = "subdural"

    @property
    def mask_value(self) -> int:
        """Value of its voxels in the mask."""
        return list(BleedName).index(self) + 1


LABELS = ("any", *(name.value for name in BleedName))
"""The six labels, in the order of the tables' columns."""

PATTERNS: dict[BleedName, tuple[str, ...]] = {
    BleedName.EPIDURAL: ("temporal", "frontal", "parietal"),
    BleedName.INTRAPARENCHYMAL: ("basal ganglia", "thalamus", "lobar", "cerebellum", "pons"),
    BleedName.INTRAVENTRICULAR: ("level", "cast"),
    BleedName.SUBARACHNOID: ("basal", "sylvian", "convexity"),
    BleedName.SUBDURAL: ("convexity", "falx"),
}
"""Possible places of each type."""
