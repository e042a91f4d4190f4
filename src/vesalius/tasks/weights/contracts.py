"""How the images of public models were prepared, where that is known."""

from __future__ import annotations

from vesalius.transforms.contract import InputContract
from vesalius.transforms.prepare import Prepare


def contract_of(layout: str, inputs: int) -> InputContract | None:
    """The input contract of a layout's models; None where it is not known or the channels are others.

    MedDINOv3 (arXiv:2509.02379): axial CT slices in HU, clipped, standardized, as three equal channels of 224 pixels.
    """
    if layout != "meddinov3" or inputs != 3:
        return None
    steps = (
        {"name": "standardize", "clip": [-1000, 1000], "mean": [65.1084213], "std": [178.0166321]},
        {"name": "resize", "size": [224, 224]},
        {"name": "repeat", "channels": 3},
    )
    return InputContract(prepare=Prepare.build(layout="BCJI", plane="axial", steps=steps))
