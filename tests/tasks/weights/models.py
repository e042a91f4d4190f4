"""Small model folders for tests."""

import torch
from safetensors.torch import save_file

from vesalius.nets.unet import UNet
from vesalius.weights.card import Card
from vesalius.weights.saved import ModelConfig, save_pretrained
from weights.layouts.dinov3_by_hand import raw_state

NET = UNet(dims=2, inputs=1, outputs=2, channels=(8, 16), units=1)
TINY_VIT = ("size=tiny", "depth=2")


def model_at(folder, licence="cc0-1.0"):
    """A segmenter with random weights and a card."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    save_pretrained(folder, {"net": NET.make()}, ModelConfig.of("segment", {"net": NET}))
    Card(name=folder.name, summary="A tiny net.", task="segment", licence=licence).write(folder)
    return folder


def meddinov3_at(path):
    """A checkpoint as MedDINOv3's, tiny, with random weights."""
    raw = {f"backbone.{name}": tensor for name, tensor in raw_state(192, 2, qkv_bias=False).items()}
    torch.save({"teacher": raw | {"dino_head.mlp.0.weight": torch.zeros(2, 2)}}, path)
    return path


def shared_bare(path):
    """The same tensors without anything around them, as safetensors."""
    save_file({name: tensor.contiguous() for name, tensor in raw_state(192, 2, qkv_bias=False).items()}, path)
    return path
