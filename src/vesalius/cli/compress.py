"""compress, decompress, verify."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vesalius.cli import complete
from vesalius.cli.options import Cache, Force, Json, Paths, Quiet, Threads, with_options
from vesalius.cli.show import emit, progress
from vesalius.codec.options import CompressConfig, Identifiers
from vesalius.errors import UsageError
from vesalius.memory import cores
from vesalius.scan.reading import AS_STATED, Reading

if TYPE_CHECKING:
    from vesalius.codec.compress import TierResult
    from vesalius.codec.decode import Restored
    from vesalius.codec.verify import TierCheck
    from vesalius.scan.native import Kept
    from vesalius.tasks.compress.decompress import RestoredPiece, VerifyResult
    from vesalius.tasks.compress.run import CompressedScans


@with_options(without=("quality", "crf", "identifiers", "threads"))
def compress(
    paths: Paths,
    output: Annotated[Path, typer.Option("-o", "--output", help="A .vsl file, or a folder for many scans.")],
    options: CompressConfig,
    keep_identifiers: Annotated[bool, typer.Option("--keep-identifiers", help="Keep all DICOM attributes.")] = False,
    strip: Annotated[bool, typer.Option("--strip", help="Blank free text (NIfTI texts, DICOM descriptions).")] = False,
    reading: Reading = AS_STATED,
    cache: Cache = None,
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compress scans to .vsl files with a guaranteed error.

    The target is checked by decoding before a file is closed; one that cannot be met writes nothing.

    Examples:
        vesalius compress study.nii.gz -o study.vsl
        vesalius compress dicom-folder/ -o packed --psnr 45
    """
    from vesalius.tasks.compress.run import compress as run

    if keep_identifiers and strip:
        raise UsageError("--keep-identifiers and --strip exclude each other", fix="give one of them")
    identifiers: Identifiers = "keep" if keep_identifiers else "strip" if strip else "default"
    options = replace(options, identifiers=identifiers, threads=threads)
    result = run(paths, output, options, reading=reading, cache=cache, force=force, progress=progress(quiet))
    emit(result, json, _compressed)


def _compressed(result: CompressedScans) -> list[str]:
    lines = []
    for scan in result.written:
        lines.append(f"{scan.path}  {scan.bytes_written} bytes  {scan.ratio:.4g}:1")
        lines += [f"  {tier.name}: {_loss(tier)}{tier.why}" for tier in scan.tiers]
        lines += _kept(scan.kept)
        lines += [f"  note: {warning}" for warning in scan.warnings]
        lines += [f"  caveat: {problem}" for problem in scan.problems]
    lines += [f"{path}  finished before" for path in result.skipped]
    return lines + [f"failed  {failure.error}" for failure in result.failed]


def _loss(tier: TierResult) -> str:
    return "" if tier.psnr_db is None else f"{tier.psnr_db:.2f} dB, max error {tier.max_error:.4g}; "


def _kept(kinds: Sequence[Kept]) -> list[str]:
    return [f"  {kind.words}" + (f"; {kind.cure}" if kind.cure else "") for kind in kinds]


def decompress(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .vsl file.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="File or folder to write.")],
    tier: Annotated[
        str | None, typer.Option("--tier", help="lossless, lossy or tokens; the best one by default.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", autocompletion=complete.models, help="Model of the tokens; by default found by its digest."
        ),
    ] = None,
    slice_number: Annotated[int | None, typer.Option("--slice", metavar="N", help="One slice, from 0.")] = None,
    frame: Annotated[int | None, typer.Option("--frame", metavar="N", help="One frame, from 0.")] = None,
    salvage: Annotated[bool, typer.Option("--salvage", help="Restore what is intact of a damaged file.")] = False,
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
) -> None:
    """Restore the source of a .vsl file.

    --slice and --frame write one piece, as a new .nii, .npy or .png file.

    Examples:
        vesalius decompress study.vsl -o study.nii.gz
        vesalius decompress study.vsl -o slice.png --slice 12 --frame 0
    """
    from vesalius.tasks.compress.decompress import decompress as run
    from vesalius.tasks.early import check_model, check_there

    check_there(file)
    check_model(model)
    result = run(
        file,
        output,
        tier=tier,
        model=model,
        slice_number=slice_number,
        frame=frame,
        salvage=salvage,
        threads=threads,
        force=force,
    )
    emit(result, json, _decompressed)


def _decompressed(result: Restored | RestoredPiece) -> list[str]:
    lines = [f"{result.path}  ({result.tier})"]
    lost = getattr(result, "lost", None)
    if lost and lost.chunks:
        slices = ", ".join(map(str, lost.slices))
        lines.append(f"lost: {len(lost.chunks)} chunk(s), in slice(s) {slices}; filled with the smallest value")
    return lines


@with_options()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .vsl file.", show_default=False)],
    original: Annotated[
        Path | None,
        typer.Argument(metavar="[ORIGINAL]", help="The file or folder it was made from.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", autocompletion=complete.models, help="Model of the tokens; by default found by its digest."
        ),
    ] = None,
    reading: Reading = AS_STATED,
    threads: Threads = cores(),
    json: Json = False,
) -> None:
    """Check a .vsl file, and compare it with its original.

    All checksums are checked and all tiers decoded.

    Examples:
        vesalius verify study.vsl
        vesalius verify study.vsl study.nii.gz
    """
    from vesalius.tasks.compress.decompress import verify as run
    from vesalius.tasks.early import check_model, check_there

    check_there(file, original)
    check_model(model)
    emit(run(file, original, reading=reading, threads=threads, model=model), json, _verified)


def _verified(result: VerifyResult) -> list[str]:
    from vesalius.tasks.compress.decompress import CompareResult

    lines, kept = [f"{result.path}  whole"], result.kept if isinstance(result, CompareResult) else ()
    for tier in result.tiers:
        checksum = {True: "checksum right", None: "no checksum (inexact coder)"}[tier.checksum]
        checksum = "tokens equal to those that were coded" if tier.tokens else checksum
        lines.append(f"  {tier.name}: {checksum}{_against(tier, kept)}")
    if not isinstance(result, CompareResult):
        return lines
    lines.append(f"  original read by: {result.read_with or 'the reader that compress uses (there is no other)'}")
    return lines + _kept(kept) + [f"  note: {note}" for note in result.notes]


def _against(tier: TierCheck, kept: Sequence[Kept]) -> str:
    if tier.equal is None:
        return ""
    if tier.equal:
        every = not any(kind.of_pixels and kind.left_out for kind in kept)
        return ", equal to the original bit for bit" if every else ", every value equal to the original, not every bit"
    psnr = "" if tier.psnr_db is None else f"{tier.psnr_db:.2f} dB, "
    return f", {psnr}max error {tier.max_error:.4g} against the original"
