"""The two halves of a tokenizer as nets of their own, for programs that only encode or only decode.

Letters: B batch, C channel, J rows, I columns, L tokens, E numbers that the encoder emits for one.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from vesalius.errors import UsageError
from vesalius.nets.cycle import CycleTokenizer
from vesalius.nets.cycle_halves import CycleAnalysis, CycleSynthesis
from vesalius.nets.lapped import CELL
from vesalius.nets.titok import TokenAutoencoder
from vesalius.nets.titok_tokenizer import TiTokTokenizer

HALVES = ("encoder", "decoder")
_CYCLE = (96, 96)


class Half(NamedTuple):
    """One half.

    Args:
        net: from a picture to (latents_BLE, tokens_BL), or from tokens to a picture.
        sample: shape of one input.
        codes: below which its input's integers lie; None: the input is a picture.
        names: of the outputs.
    """

    net: nn.Module
    sample: tuple[int, ...]
    codes: int | None
    names: tuple[str, ...]


def half_of(net: nn.Module, which: str, size: tuple[int, ...] | None = None) -> Half:
    """Return a half of a TiTok, of the TiTok in a tokenizer of scans, or of a cycle tokenizer.

    Args:
        net: the whole.
        which: of `HALVES`.
        size: of the pictures; None: that of the configuration (of cycles: 96 x 96 pixels).

    Raises:
        UsageError: another net, no such size, or one whose tokens are no integers.
    """
    if isinstance(net, CycleTokenizer):
        return _half_of_cycle(net, which, _CYCLE if size is None else size)
    titok = net.net if isinstance(net, TiTokTokenizer) else net
    if not isinstance(titok, TokenAutoencoder):
        raise UsageError("only a TiTok has an encoder and a decoder of tokens to export")
    config = titok.config
    size = config.size if size is None else size
    if len(size) != config.dims or any(side < 1 or side % step for side, step in zip(size, config.patch, strict=True)):
        what = f"{','.join(map(str, size))} does not fit patches of {','.join(map(str, config.patch))} pixels"
        raise UsageError(what, where="--size", fix="give multiples of them")
    if not titok.quantizer.codes:
        raise UsageError("the tokens of this model are no integers", fix="export a model with codes")
    if which == "encoder":
        return Half(_ToTokens(titok), (config.inputs, *size), None, ("latents", "tokens"))
    return Half(_ToPicture(titok, size), (config.latents,), titok.quantizer.codes, ("picture",))


def _half_of_cycle(net: CycleTokenizer, which: str, size: tuple[int, ...]) -> Half:
    if len(size) != 2 or any(side < 1 or side % CELL for side in size):
        what = f"{','.join(map(str, size))} does not fit cells of {CELL} x {CELL} pixels"
        raise UsageError(what, where="--size", fix="give two multiples of them")
    if which == "encoder":
        analysis = CycleAnalysis(net)
        return Half(analysis, (analysis.inputs, *size), None, ("components",))
    synthesis = CycleSynthesis(net)
    return Half(synthesis, (synthesis.inputs, *(side // CELL for side in size)), None, ("pictures",))


class _ToTokens(nn.Module):
    def __init__(self, titok: TokenAutoencoder) -> None:
        super().__init__()
        self.titok = titok

    def forward(self, x_BCJI: Tensor) -> tuple[Tensor, Tensor]:
        latents_BLE = self.titok.encoder(x_BCJI)
        return latents_BLE, self.titok.quantizer(latents_BLE).codes_BL


class _ToPicture(nn.Module):
    def __init__(self, titok: TokenAutoencoder, size: tuple[int, ...]) -> None:
        super().__init__()
        self.titok, self._size = titok, size

    def forward(self, tokens_BL: Tensor) -> Tensor:
        return self.titok.decode_tokens(tokens_BL, self._size)
