"""What no heart does: volumes and ejection fractions that say more about the masks than about the patient.

The limits lie well outside what is measured in health and disease, so that only a failed segmentation, a wrong voxel
size or a wrong label reaches them. Reference intervals of adults and children: Kawel-Boehm et al. 2020,
doi:10.1186/s12968-020-00683-3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from vesalius.metrics.cardiac import Pumping

EDV_ML = (20.0, 600.0)
"""Below are only infants; severely dilated ventricles of adults stay below the upper limit."""
EF_PERCENT = (5.0, 85.0)
"""Below, hardly any blood would leave the heart; above, the cavity of the ES mask is all but empty."""
PIECE_SHARE = 0.05
"""Of the voxels of a ventricle: smaller pieces are specks."""


def doubts(pumping: Pumping) -> dict[str, str]:
    """What is implausible -> the value that shows it; empty for a heart that can be."""
    found = {}
    low, high = EDV_ML
    if pumping.edv_ml < low:
        found[f"EDV below {low:.0f} mL"] = f"{pumping.edv_ml:.3g} mL"
    elif pumping.edv_ml > high:
        found[f"EDV above {high:.0f} mL"] = f"{pumping.edv_ml:.0f} mL"
    return found | ef_doubts(pumping.ef_percent)


def ef_doubts(ef_percent: float) -> dict[str, str]:
    """The same for an ejection fraction alone, where the volumes in mL are unknown."""
    low, high = EF_PERCENT
    if ef_percent < 0:
        return {"ESV above EDV, so EF is negative": f"{ef_percent:.1f} %"}
    if ef_percent < low:
        return {f"EF below {low:.0f} %": f"{ef_percent:.1f} %"}
    return {f"EF above {high:.0f} %": f"{ef_percent:.1f} %"} if ef_percent > high else {}


def pieces(mask_IJK: ArrayLike) -> int:
    """How many pieces of a mask hold 5 % of its voxels or more; pieces that touch at an edge or corner are one."""
    mask = np.asarray(mask_IJK, dtype=bool)
    numbered, _ = ndimage.label(mask, np.ones((3,) * mask.ndim))
    sizes = np.bincount(numbered.ravel())[1:]
    return int((sizes >= PIECE_SHARE * sizes.sum()).sum()) if sizes.size else 0
