"""Convert a scan to another file format; its place in the world is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vesalius.arguments import PathLike, checked
from vesalius.codec.container import SUFFIX as VSL_SUFFIX
from vesalius.errors import GeometryError, InputError, UsageError
from vesalius.output import refuse_existing
from vesalius.scan.colours import in_rgb
from vesalius.scan.describe import ScanFacts, describe_scan
from vesalius.scan.intensity import Intensity
from vesalius.scan.open import open_scan
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Colour, Scan
from vesalius.scan.write import fits_png_exactly, write_scan


@dataclass(frozen=True, kw_only=True)
class Conversion(ScanFacts):
    """A written file, with the facts of the scan in it and notes on what changed."""

    path: str
    notes: tuple[str, ...]


@checked
def convert(
    path: PathLike,
    output: PathLike,
    *,
    orient: str | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
    reading: Reading = AS_STATED,
    resample: bool = False,
    force: bool = False,
) -> Conversion:
    """Read a scan and write it as NIfTI, NumPy, PNG or TIFF, by the suffix of `output`.

    Args:
        path: anything that `open_scan` opens, or a `.vsl` file.
        output: the file to write.
        orient: three letters such as "RAS": the voxel axes are permuted and flipped, nothing is interpolated.
        spacing_mm: resample linearly to this spacing along i, j, k.
        reading: choices where the files are ambiguous.
        resample: resample slices that are tilted or unevenly spaced to one grid.
        force: replace an existing file.

    Returns:
        The written file. Pictures that PNG cannot hold unchanged (CT, MR, floats) are windowed to 8 bits, with a note;
        several of them become a folder.

    Raises:
        GeometryError: a grid is required and there is none; the message holds the reason.
        InputError: real values are required and unknown.
        OutputError: the file exists or cannot be written.
    """
    path = Path(path)
    output = Path(output)
    refuse_existing(output, force=force)
    if output.exists() and path.exists() and output.samefile(path):
        raise UsageError("is the input file", where=output, fix="choose another name")
    scan = _open(path, reading)
    try:
        scan = in_rgb(scan)
        scan = _reshaped(scan, resample, spacing_mm, orient)
        notes: tuple[str, ...] = ()
        if output.suffix.lower() == ".png" and not fits_png_exactly(scan):
            scan, notes = _windowed(scan)
        written = write_scan(scan, output, force=force)
    except (GeometryError, InputError, UsageError) as error:
        raise error.at(path) from error
    return Conversion(**vars(describe_scan(scan)), path=str(written.path), notes=(*notes, *written.notes))


def _reshaped(scan: Scan, resample: bool, spacing_mm: tuple[float, float, float] | None, orient: str | None) -> Scan:
    if resample and scan.grid_problem:
        from vesalius.scan.resample import to_grid

        scan = to_grid(scan)
    if spacing_mm is not None:
        from vesalius.scan.resample import regrid

        scan = regrid(scan, spacing_mm)
    if orient is not None:
        if scan.spaces == ("unknown",):
            what = "the orientation is unknown (neither sform nor qform), so the axes cannot be reoriented"
            raise UsageError(what, fix="leave out --orient")
        from vesalius.scan.orient import reorient

        scan = reorient(scan, orient)
    return scan


def lines(result: Conversion) -> list[str]:
    """Return the lines for the terminal."""
    return [result.path, *(f"note: {note}" for note in (*result.problems, *result.notes))]


def _windowed(scan: Scan) -> tuple[Scan, tuple[str, ...]]:
    """Return the scan as 8-bit pictures, grey or RGB, and notes on how they were made."""
    from vesalius.transforms.view import to_view
    from vesalius.transforms.window import default_range, to_screen

    if scan.dtype.kind == "c":
        raise UsageError("complex values cannot be shown as a picture", fix="write .npy or .nii")
    low, high = default_range(scan)
    frames = []
    scan = scan.resident()
    for t in range(scan.shape[1]):
        x_BCJI = to_screen(to_view(scan, "native", t=slice(t, t + 1)), scan.colour, (low, high))
        frames.append(x_BCJI.transpose(1, 3, 2, 0))
    pixels = ArrayPixels(np.stack(frames, axis=1))
    colour: Colour = "rgb" if pixels.shape[0] == 3 else "grey"
    black, white = (high, low) if scan.colour == "inverted" else (low, high)
    notes = [f"real values from {black:.6g} to {white:.6g} are shown from black to white"]
    if scan.colour == "inverted":
        notes.append("low values are bright, as the source states (MONOCHROME1)")
    if scan.shape[0] > 1 and colour == "grey":
        notes.append(f"only the first of {scan.shape[0]} channels is shown")
    return replace(scan, pixels=pixels, intensity=Intensity(), colour=colour, native=None), tuple(notes)


def _open(path: Path, reading: Reading) -> Scan:
    if path.suffix.lower() == VSL_SUFFIX:
        from vesalius.codec.decode import decode_scan

        return decode_scan(path).resident()
    return open_scan(path, reading)
