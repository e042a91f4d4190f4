"""Names of the networks and their parts in configurations, and where they live."""

from __future__ import annotations

from vesalius.named import Table

NETS = Table(
    "vesalius.nets",
    "network",
    {
        "unet": "unet:UNet",
        "segresnet": "segresnet:SegResNet",
        "swin-encoder": "swinunetr:SwinEncoder",
        "swinunetr": "swinunetr:SwinUNETR",
        "vit": "vit:ViT",
        "dinov2": "dinov2:DinoV2",
        "bit": "bit:BiT",
        "head": "head:Head",
        "classifier": "classifier:Classifier",
        "study-head": "study:StudyHead",
    },
)
AGGREGATES = Table(
    "vesalius.nets",
    "aggregation",
    {
        "mean": "aggregate:Mean",
        "max": "aggregate:Max",
        "top-k": "aggregate:TopK",
        "gated-attention": "aggregate:GatedAttention",
        "gru": "aggregate:Gru",
    },
)
