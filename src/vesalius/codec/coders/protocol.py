"""Coders: between a sequence of unsigned integer pictures and bytes.

Letters: N pictures (frames) of one chunk, J rows, I columns.
"""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray


class Coder(Protocol):
    """One way to code pictures.

    `qualities` is the coder's ladder of lossy settings from best to worst; the number is the coder's (crf, distance,
    ...). The length of the ladder says which targets a coder serves:

    - empty: lossless only (`lossy_bits` is 0);
    - one entry: a coder of a single rate point (tokens, an autoencoder). `Quality` is its only lossy target: a plan
      for a PSNR or a ratio refuses it. With `exact_lossy` it may be the base of a bounded tier;
    - several entries: every lossy target.

    A coder object may hold what it needs, such as a model, but coding never changes it: one object codes chunks in
    several threads. Padding to sizes the coder needs, and cropping, are up to the coder: any N, J, I >= 1 works.
    """

    name: str
    """Word of the command line, e.g. "svtav1"."""
    id: int
    """Number in the file format; never reused."""
    version: int = 1
    """Version of the bit stream layout that `encode` writes; `decode` reads this and all earlier ones."""
    temporal: bool = False
    """True where neighbouring pictures help each other."""
    stacks: bool = False
    """True where the slices of a still scan are coded as neighbouring pictures too."""
    lossless_bits: int = 0
    """Pictures up to this many bits are coded losslessly; 0 where the coder cannot."""
    lossy_bits: int = 0
    """Depth that lossy coding works in; 0 where the coder is lossless only."""
    exact_lossy: bool = False
    """True where every conforming decoder gives the same numbers from a lossy stream."""
    qualities: tuple[float, ...] = ()

    def encode(self, x_NJI: NDArray[Any], bits: int, quality: float | None, threads: int) -> bytes:
        """Code uint8 or uint16 pictures whose values are below 2**bits.

        Args:
            x_NJI: pictures, shape (N, J, I), uint16 (uint8 where bits <= 8 is accepted too).
            bits: depth, at most `lossless_bits` (quality None) or `lossy_bits`.
            quality: one of `qualities`, or None for lossless.
            threads: threads the coder may use.
        """
        ...

    def decode(self, data: bytes, shape_NJI: tuple[int, int, int], bits: int, threads: int) -> NDArray[Any]:
        """Return the pictures as uint16, shape (N, J, I).

        Raises:
            CorruptFileError: the bytes are not what `encode` writes, or give another shape. Sizes that a stream
                claims are checked against `shape_NJI` before memory is taken for them where the library allows it.
        """
        ...
