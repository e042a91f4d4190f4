"""The codec as the evaluation sees it: a ladder of rate points, and a file that is written and read back.

Every coder of `vesalius.codec.coders.table` can be evaluated: a new one is one line there.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vesalius.codec.coders.table import coder as coder_named
from vesalius.codec.compress import compress_scan
from vesalius.codec.container import VslReader
from vesalius.codec.decode import decode_scan
from vesalius.codec.options import CompressConfig
from vesalius.errors import UsageError
from vesalius.scan.scan import Scan
from vesalius.weights.place import locate

_TOKENS = "tokens:"
_CHUNK_HEAD = 20


@dataclass(frozen=True, eq=False)
class Coded:
    """A scan that went through a file.

    Args:
        size_bytes: of the whole file.
        tier_bytes: of the tier in it: payload and heads of its chunks.
        encode_seconds: wall time.
        decode_seconds: wall time.
        stored_CTIJK: the values in the stored dtype.
        tokens: how many the file holds; None for a coder without tokens.
    """

    size_bytes: int
    tier_bytes: int
    encode_seconds: float
    decode_seconds: float
    stored_CTIJK: NDArray[Any]
    tokens: int | None = None


def is_tokens(coder: str) -> bool:
    """Return True for the name of a coder of tokens, "tokens:MODEL".

    Example:
        >>> is_tokens("tokens:tokenize/cine_cycle"), is_tokens("svtav1")
        (True, False)
    """
    return coder.startswith(_TOKENS)


class VslCodec:
    """Coders by name, through `.vsl` files in a temporary folder.

    Example:
        >>> len(VslCodec().ladder("jpegxl")) > 10
        True
    """

    def name(self, coder: str) -> str:
        """Return the display name of a coder; of a model on this machine, the last name of its folder."""
        if not is_tokens(coder):
            return coder
        model = coder.removeprefix(_TOKENS)
        return _TOKENS + (Path(model).resolve().name if Path(model).is_dir() else model)

    def key(self, coder: str) -> str:
        """Return what the numbers of a coder depend on: its name, with the weights of a model."""
        if not is_tokens(coder):
            return coder
        from vesalius.weights.saved import digest_of  # imports torch

        return f"{self.name(coder)} {digest_of(locate(coder.removeprefix(_TOKENS)))}"

    def ladder(self, coder: str) -> tuple[float, ...]:
        """Lossy steps of a coder from best to worst; one step for a coder with a single rate point.

        Raises:
            UsageError: no such coder, or it is lossless only.
        """
        steps = coder_named(coder).qualities
        if not coder_named(coder).lossy_bits or not steps:
            raise UsageError(f"{coder} is lossless only", where="--coders", fix="leave it out")
        return steps

    def lossy(self, scan: Scan, coder: str, step: float, threads: int) -> Coded:
        """Code a scan at one step of the ladder and read it back."""
        return self._through_file(scan, CompressConfig(quality=step, coder=coder, threads=threads))

    def lossless(self, scan: Scan, coder: str, threads: int) -> Coded:
        """Code a scan losslessly and read it back.

        Raises:
            UsageError: the coder cannot hold these values.
        """
        return self._through_file(scan, CompressConfig(coder=coder, threads=threads))

    def _through_file(self, scan: Scan, options: CompressConfig) -> Coded:
        with tempfile.TemporaryDirectory(prefix="vesalius-") as folder:
            path = Path(folder) / "scan.vsl"
            key = secrets.token_bytes(32)  # the file is deleted at once: its UIDs need no lasting secret
            written = compress_scan(scan, path, options, uid_key=key)
            started = time.perf_counter()
            stored = decode_scan(path, threads=options.threads or 1).stored()
            seconds = time.perf_counter() - started
            tier_bytes = _tier_bytes(path)
        return Coded(written.bytes_written, tier_bytes, written.encode_seconds, seconds, stored)


def _tier_bytes(path: Path) -> int:
    """Bytes of the chunks of a file with one tier, with their heads."""
    with VslReader(path) as reader:
        return sum(_CHUNK_HEAD + frame.length for frame in reader.chunks(0).values())
