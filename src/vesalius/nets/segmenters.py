"""Segmenters that ship in two parts: an encoder, and a decoder of its maps or of its memory."""

from __future__ import annotations

from torch import nn

from vesalius.nets.encoder import Pyramid, PyramidNet
from vesalius.nets.net import Net
from vesalius.nets.pyramid_unet import MapDecoder, PyramidUNet
from vesalius.nets.ume import UME, UMEDecoder, UMEEncoder, UMESegmenter


def joined_segmenter(
    encoder: Net, decoder: Net, encoder_net: nn.Module, decoder_net: nn.Module
) -> tuple[Net, nn.Module] | None:
    """Return the segmenter of two existing networks, with its sizes; None if they do not fit each other.

    Args:
        encoder: sizes of the encoder.
        decoder: sizes of the decoder.
        encoder_net: its network.
        decoder_net: likewise.
    """
    if isinstance(encoder, PyramidNet) and isinstance(decoder, MapDecoder):
        pyramid = PyramidUNet.of(encoder, decoder)
        if pyramid.decoder == decoder and isinstance(encoder_net, Pyramid):
            return pyramid, pyramid.joined(encoder_net, decoder_net).eval()
    if isinstance(encoder, UME) and isinstance(decoder, UMEDecoder):
        over_frames = UMESegmenter.of(encoder, decoder)
        if over_frames.decoder == decoder and isinstance(encoder_net, UMEEncoder):
            return over_frames, over_frames.joined(encoder_net, decoder_net).eval()
    return None
