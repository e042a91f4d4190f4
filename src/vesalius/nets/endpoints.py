"""A pyramid whose every end is an output, for exports: other programs then take the one that they need.

Letters: B batch, C channel, J rows, I columns.
"""

from __future__ import annotations

from torch import Tensor, nn

from vesalius.nets.encoder import Pyramid

EMBEDDING, LOGITS = "embedding", "logits"


class Endpoints(nn.Module):
    """x_BCJI to the vector of the whole picture, the ends of block groups 1 to 4 and, with a head, the logits.

    Args:
        encoder: gives the maps.
        head: takes the vectors; None: there are no logits.
    """

    def __init__(self, encoder: Pyramid, head: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        groups = tuple(f"block_group{number}" for number in range(1, 5))
        return (EMBEDDING, *groups) if self.head is None else (EMBEDDING, *groups, LOGITS)

    def forward(self, x_BCJI: Tensor) -> tuple[Tensor, ...]:
        maps = self.encoder.maps(x_BCJI)
        whole_BD = maps[-1].mean((2, 3))
        return (whole_BD, *maps) if self.head is None else (whole_BD, *maps, self.head(whole_BD))
