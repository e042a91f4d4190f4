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
from vesalius.codec.decode import decode_scan
from vesalius.codec.options import CompressConfig
from vesalius.errors import UsageError
from vesalius.scan.scan import Scan


@dataclass(frozen=True, eq=False)
class Coded:
    """A scan that went through a file: the bytes of all of it, wall times, and the values in the stored dtype."""

    size_bytes: int
    encode_seconds: float
    decode_seconds: float
    stored_CTIJK: NDArray[Any]


class VslCodec:
    """Coders by name, through `.vsl` files in a temporary folder.

    Example:
        >>> len(VslCodec().ladder("jpegxl")) > 10
        True
    """

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
        return Coded(written.bytes_written, written.encode_seconds, seconds, stored)
