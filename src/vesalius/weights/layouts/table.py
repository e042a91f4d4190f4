"""Names of the layouts, and where they live."""

from __future__ import annotations

from vesalius.named import Table
from vesalius.weights.layouts.layout import Layout

LAYOUTS = Table(
    "layout",
    {
        "vesalius": "vesalius.weights.layouts.vesalius:PLAIN",
        "voco-swinunetr": "vesalius.weights.layouts.swinunetr:VOCO",
        "meddinov3": "vesalius.weights.layouts.dinov3:MEDDINOV3",
        "dinov3": "vesalius.weights.layouts.dinov3:DINOV3",
        "dinov3-transformers": "vesalius.weights.layouts.dinov3:DINOV3_TRANSFORMERS",
        "dinov2": "vesalius.weights.layouts.dinov2:DINOV2",
        "dinov2-transformers": "vesalius.weights.layouts.dinov2:DINOV2_TRANSFORMERS",
        "rad-dino": "vesalius.weights.layouts.dinov2:RAD_DINO",
        "bit-npz": "vesalius.weights.layouts.bit:BIT",
    },
)


def layout_named(name: str) -> Layout:
    """The layout of a name.

    Raises:
        ConfigError: no such name.
    """
    layout: Layout = LAYOUTS.get(name)
    return layout
