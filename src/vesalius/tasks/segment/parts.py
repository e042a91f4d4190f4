"""The parts of a segmentation model: encoder and decoder where a net has both, else one net."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from vesalius.errors import CorruptFileError
from vesalius.nets.net import Net
from vesalius.nets.pyramid_unet import PyramidUNet
from vesalius.nets.segmenters import joined_segmenter
from vesalius.nets.ume import UMESegmenter
from vesalius.weights.saved import ENCODER, NET, Pretrained

DECODER = "decoder"


def parts_of(config: Net) -> dict[str, Net]:
    """Return the configurations of the parts by name.

    Example:
        >>> net = PyramidUNet.build(encoder={"name": "resnet", "depth": 18}, outputs=2)
        >>> list(parts_of(net))
        ['encoder', 'decoder']
    """
    if isinstance(config, PyramidUNet | UMESegmenter):
        return {ENCODER: config.encoder, DECODER: config.decoder}
    return {NET: config}


def modules_of(config: Net, module: nn.Module) -> dict[str, nn.Module]:
    """Return the networks of the parts by name, of the whole network `module`."""
    names = list(parts_of(config))
    return {NET: module} if names == [NET] else {name: module.get_submodule(name) for name in names}


def whole(model: Pretrained) -> tuple[Net, nn.Module]:
    """Return the whole network of a loaded model, and its configuration.

    Raises:
        CorruptFileError: the parts are others, or do not fit each other.
    """
    parts: Mapping[str, Net] = {name: part.config for name, part in model.parts.items()}
    if list(parts) == [NET]:
        return parts[NET], model.net
    if set(parts) == {ENCODER, DECODER}:
        nets = model.parts[ENCODER].net, model.parts[DECODER].net
        joined = joined_segmenter(parts[ENCODER], parts[DECODER], *nets)
        if joined is not None:
            return joined
    what = f"a segmenter has one part, {NET}, or a fitting {ENCODER} and {DECODER}, not {', '.join(parts)}"
    raise CorruptFileError(what, where=model.folder, fix="get the model folder again")
