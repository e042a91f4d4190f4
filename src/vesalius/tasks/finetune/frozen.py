"""Which part of an encoder learns: `fine_tune_after_block`, numbered as in Google's code of SimCLR v2 and REMEDIS.

-1 trains everything, 0 freezes the stem, 1 to 3 freeze the stem and the block groups up to this one, and 4 trains the
head alone. What is frozen has no gradient and stays in eval mode: its batch norms keep the statistics that they
came with. Departure: in the published code these statistics go on moving for 0 to 3, so that a "frozen" block changes
with the data that pass through it.
"""

from __future__ import annotations

from torch import nn

from vesalius.nets.encoder import EncoderNet, Pyramid, PyramidNet

EVERYTHING, HEAD_ONLY = -1, 4


def check_block(net: EncoderNet, after: int) -> None:
    """Raise ValueError if the encoder has no such block group."""
    if after not in (EVERYTHING, HEAD_ONLY) and not isinstance(net, PyramidNet):
        raise ValueError(
            f"fine_tune_after_block is {after}, but net has no block groups: take {EVERYTHING} (train everything) or "
            f"{HEAD_ONLY} (train the head alone)"
        )


def frozen_modules(encoder: nn.Module, after: int) -> tuple[nn.Module, ...]:
    """Return the modules of an encoder that do not learn.

    Args:
        encoder: a module of a `PyramidNet`, or, for -1 and 4, of any encoder.
        after: -1 to 4, see above.

    Raises:
        ValueError: the encoder has no block groups.
    """
    if after == EVERYTHING:
        return ()
    if after == HEAD_ONLY:
        return (encoder,)
    if not isinstance(encoder, Pyramid):
        raise ValueError("the encoder has no block groups")
    return tuple(module for group in encoder.groups()[: after + 1] for module in group)
