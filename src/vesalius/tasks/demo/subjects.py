"""The scans of the demo, which ship inside our dependencies, and their comparison by the package that ships them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from vesalius.codec.options import CompressConfig
from vesalius.errors import InputError
from vesalius.files import regular


@dataclass(frozen=True)
class DemoScan:
    """One scan of the demo.

    Args:
        name: short name, used for files.
        title: description for people.
        package: the package that ships it.
        parts: path below that package.
        targets: lossy targets to show.
        same: compares source and restored file with the reader of that package.
    """

    name: str
    title: str
    package: str
    parts: tuple[str, ...]
    targets: tuple[CompressConfig, ...]
    same: Callable[[Path, Path], bool]

    @property
    def path(self) -> Path:
        """Path on this machine."""
        return shipped_file(self.package, self.parts)


def shipped_file(package: str, parts: tuple[str, ...]) -> Path:
    """Return the path of a file that a package ships.

    Raises:
        InputError: the package is missing, or does not ship it any more.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise InputError(f"package {package} is missing", fix=f"pip install {package}")
    path = Path(spec.origin).parent.joinpath(*parts)
    if not path.exists():
        raise InputError(f"this {package} ships no {path.name}", fix=f"pip install -U {package}")
    return path


def _same_nifti(source: Path, restored: Path) -> bool:
    import nibabel as nib

    first, second = nib.load(regular(source)), nib.load(regular(restored))
    equal_header = first.header.binaryblock == second.header.binaryblock
    return equal_header and np.asarray(first.dataobj).tobytes() == np.asarray(second.dataobj).tobytes()


def _same_dicom(source: Path, restored: Path) -> bool:
    import pydicom
    from pydicom.pixels import pixel_array

    first, second = (pixel_array(pydicom.dcmread(path), raw=True) for path in (source, restored))
    return bool(first.dtype == second.dtype and np.array_equal(first, second))


def _same_picture(source: Path, restored: Path) -> bool:
    from PIL import Image

    with Image.open(regular(source)) as first, Image.open(regular(restored)) as second:
        return bool(np.array_equal(np.asarray(first), np.asarray(second)))


SUBJECTS = (
    DemoScan(
        "functional", "Brain over time, 20 frames (NIfTI)", "nibabel", ("tests", "data", "functional.nii"),
        (CompressConfig(psnr=40), CompressConfig(ratio=10), CompressConfig(max_error=5)), _same_nifti,
    ),
    DemoScan(
        "example4d", "Brain, two volumes, header extensions (NIfTI)", "nibabel", ("tests", "data", "example4d.nii.gz"),
        (CompressConfig(psnr=40), CompressConfig(ratio=20), CompressConfig(max_error=5)), _same_nifti,
    ),
    DemoScan(
        "ct", "One CT slice, in HU (DICOM)", "pydicom", ("data", "test_files", "CT_small.dcm"),
        (CompressConfig(psnr=40), CompressConfig(max_error=5)), _same_dicom,
    ),
    DemoScan(
        "ultrasound", "Ultrasound, 30 colour frames", "pydicom", ("data", "test_files", "examples_ybr_color.dcm"),
        (CompressConfig(psnr=40),), _same_dicom,
    ),
    DemoScan(
        "retina", "Eye background in colour (JPEG)", "skimage", ("data", "retina.jpg"),
        (CompressConfig(psnr=40),), _same_picture,
    ),
)  # fmt: skip
