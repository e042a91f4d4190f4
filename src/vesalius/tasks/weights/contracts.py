"""How the images of public models were prepared, where that is known."""

from __future__ import annotations

from vesalius.transforms.contract import InputContract
from vesalius.transforms.prepare import ct_slices


def contract_of(layout: str, inputs: int | None) -> InputContract | None:
    """The input contract of a layout's models; None where it is not known or the channels are others.

    MedDINOv3 (arXiv:2509.02379): axial CT slices in HU, clipped, standardized, as three equal channels of 224 pixels.
    """
    if layout != "meddinov3" or inputs != 3:
        return None
    return InputContract(prepare=ct_slices("wide"))
