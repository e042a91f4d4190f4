"""Names of the layouts, and where they live."""

from __future__ import annotations

from vesalius.named import Table
from vesalius.weights.layouts.layout import Layout

LAYOUTS = Table(
    "vesalius.weights.layouts",
    "layout",
    {
        "vesalius": "vesalius:PLAIN",
        "voco-swinunetr": "swinunetr:VOCO",
        "meddinov3": "dinov3:MEDDINOV3",
        "dinov3": "dinov3:DINOV3",
        "dinov3-transformers": "dinov3:DINOV3_TRANSFORMERS",
        "dinov2": "dinov2:DINOV2",
        "dinov2-transformers": "dinov2:DINOV2_TRANSFORMERS",
        "rad-dino": "dinov2:RAD_DINO",
        "bit-npz": "bit:BIT",
    },
)


def layout_named(name: str) -> Layout:
    """The layout of a name.

    Raises:
        ConfigError: no such name.
    """
    layout: Layout = LAYOUTS.class_named(name)
    return layout
