"""The codec as the evaluation sees it: a ladder of rate points, and a file that is written and read back.

Every coder of `vesalius.codec.coders.table` can be evaluated: a new one is one line there. "tokens:MODEL" is the
tier of tokens of a model, and "mean" that tier without tokens: the coded mean of each slice over time.
"""

from __future__ import annotations

import math
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from vesalius.codec.coders.table import CODERS
from vesalius.codec.coders.table import coder as coder_named
from vesalius.codec.compress import compress_scan
from vesalius.codec.container import VslReader
from vesalius.codec.decode import decode_scan
from vesalius.codec.frames import CHUNK, frame_size
from vesalius.codec.options import CompressConfig
from vesalius.codec.token_plan import caveat
from vesalius.codec.tokens import ModelSource
from vesalius.errors import UsageError, VesaliusError
from vesalius.named import Table
from vesalius.scan.scan import Scan

if TYPE_CHECKING:
    from vesalius.codec.tokens import TokenModel

MEAN = "mean"
CRFS = tuple(float(crf) for crf in range(1, 64))
"""Ladder of the coded mean."""
PREFIXES = (1.0, 0.5, 0.25, 0.125, 0.0625)
"""Ladder of a tokenizer without a quality knob: shares of its tokens."""
_TOKENS, _OF_A_RUN = "tokens:", "model"


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
        >>> len(VslCodec().ladder("jpegxl")) > 10, VslCodec().ladder("mean")[-1]
        (True, 63.0)
    """

    def name(self, coder: str) -> str:
        """Return the display name of a coder; of a model on this machine, the last name of its folder."""
        if not is_tokens(coder):
            return coder
        folder = Path(coder.removeprefix(_TOKENS))
        if not folder.is_dir():
            return coder
        folder = folder.resolve()
        return _TOKENS + (folder.parent.name if folder.name == _OF_A_RUN else folder.name)

    def key(self, coder: str) -> str:
        """Return what the numbers of a coder depend on: its name, with the weights of a model."""
        return f"{self.name(coder)} {_model(coder).digest}" if is_tokens(coder) else coder

    def ladder(self, coder: str) -> tuple[float, ...]:
        """Lossy steps of a coder from best to worst; one step for a coder with a single rate point.

        Of tokens: the qualities of the model; where it has one, PREFIXES.

        Raises:
            UsageError: no such coder, or it is lossless only; no name of a model.
            InputError: no such model, or it is no tokenizer.
        """
        if coder == MEAN:
            return CRFS
        if coder == _TOKENS:
            raise UsageError(f"{coder} names no model", where="--coders", fix="give tokens:MODEL, a folder or a name")
        if is_tokens(coder):
            qualities = _model(coder).tokenizer.qualities
            return tuple(map(float, qualities)) if len(qualities) > 1 else PREFIXES
        if coder not in CODERS:
            raise _no_such(coder)
        steps = coder_named(coder).qualities
        if not coder_named(coder).lossy_bits or not steps:
            raise UsageError(f"{coder} is lossless only", where="--coders", fix="leave it out")
        return steps

    def caveat(self, scan: Scan, coder: str) -> str | None:
        """Return a warning where a coder of tokens was trained on another modality; InputError where it refuses it."""
        return caveat(_source(coder), scan.modality) if is_tokens(coder) else None

    def lossy(self, scan: Scan, coder: str, step: float, threads: int) -> Coded:
        """Code a scan at one step of the ladder and read it back."""
        if coder == MEAN:
            return self._through_file(scan, CompressConfig(tier="tokens", tokens=0, crf=int(step), threads=threads))
        if is_tokens(coder):
            return self._tokens(scan, coder, step, threads)
        return self._through_file(scan, CompressConfig(quality=step, coder=coder, threads=threads))

    def lossless(self, scan: Scan, coder: str, threads: int) -> Coded:
        """Code a scan losslessly and read it back.

        Raises:
            UsageError: the coder cannot hold these values.
        """
        return self._through_file(scan, CompressConfig(coder=coder, threads=threads))

    def _tokens(self, scan: Scan, coder: str, step: float, threads: int) -> Coded:
        name, model = coder.removeprefix(_TOKENS), _model(coder)
        c, t, i, j, k = scan.shape
        most, qualities = model.most((k, t, j, i)), model.tokenizer.qualities
        count = most if len(qualities) > 1 else max(1, round(step * most))
        quality = step if len(qualities) > 1 else qualities[0]
        options = CompressConfig(tier="tokens", model=name, tokens=count, quality=quality, threads=threads)
        held = c * math.prod(model.shape((k, t, j, i), count))
        return self._through_file(scan, options, model=name, tokens=held)

    def _through_file(
        self, scan: Scan, options: CompressConfig, *, model: str | None = None, tokens: int | None = None
    ) -> Coded:
        with tempfile.TemporaryDirectory(prefix="vesalius-") as folder:
            path = Path(folder) / "scan.vsl"
            key = secrets.token_bytes(32)  # the file is deleted at once: its UIDs need no lasting secret
            written = compress_scan(scan, path, options, uid_key=key)
            started = time.perf_counter()
            stored = decode_scan(path, threads=options.threads or 1, model=model).stored()
            seconds = time.perf_counter() - started
            tier_bytes = _tier_bytes(path)
        return Coded(written.bytes_written, tier_bytes, written.encode_seconds, seconds, stored, tokens)


def _model(coder: str) -> TokenModel:
    """Return the model of a coder of tokens, loaded once. Imports torch."""
    return _source(coder).model


def _source(coder: str) -> ModelSource:
    name = coder.removeprefix(_TOKENS)
    return ModelSource(name, folder=name)


def _no_such(coder: str) -> VesaliusError:
    """Return the error for a coder that is none; it gives the nearest one that can be evaluated."""
    lossy = {name: home for name, home in CODERS.homes.items() if coder_named(name).lossy_bits}
    table = Table("coder", lossy, error=UsageError, also=(MEAN, f"{_TOKENS}MODEL"))
    return table.unknown(coder, f"--coders {coder}")


def _tier_bytes(path: Path) -> int:
    """Bytes of the chunks of a file with one tier, with their heads."""
    with VslReader(path) as reader:
        return sum(frame_size(CHUNK, 0, frame.index, frame.length) for frame in reader.chunks(0).values())
