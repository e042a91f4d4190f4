"""A small sound file of every format that is read: what the mutations start from.

Each `Specimen` says which bytes a checksum of the format covers: a change there must never change values silently.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import imagecodecs
import nibabel as nib
import nrrd
import numpy as np
import SimpleITK
import tifffile
from PIL import Image
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from dicom_making import enhanced, placed, save
from vesalius.codec.compress import compress_scan
from vesalius.codec.options import CompressConfig
from vesalius.scan.open import open_scan

SHAPE = (9, 7, 5)
AFFINE = np.array([[-2, 0.1, 0, 5], [0, 2, 0.2, -8], [0, 0, 3, 9], [0, 0, 0, 1.0]])


@dataclass(frozen=True)
class Specimen:
    """One sound input.

    Args:
        name: name of the format and its kind.
        files: file name -> bytes; written into one folder.
        opened: path to open, "." for the folder.
        mutated: the file that is changed.
        guarded: stretches of that file, first byte and end, that a checksum of the format covers.
    """

    name: str
    files: dict[str, bytes] = field(repr=False)
    opened: str
    mutated: str
    guarded: tuple[tuple[int, int], ...] = ()

    def is_guarded(self, place: int) -> bool:
        """True where a checksum covers a byte."""
        return any(start <= place < end for start, end in self.guarded)

    def write(self, folder: Path, changed: bytes | None = None) -> Path:
        """Write the files, the mutated one with other bytes, and return the path to open."""
        for name, data in self.files.items():
            (folder / name).write_bytes(data if changed is None or name != self.mutated else changed)
        return folder if self.opened == "." else folder / self.opened


def values(dtype: str, shape=SHAPE, seed=0) -> np.ndarray:
    """Smooth values with noise, so that every coder has something to do."""
    rng = np.random.default_rng(seed)
    grids = np.meshgrid(*(np.linspace(0, 2, size) for size in shape), indexing="ij")
    smooth = 300 * np.sin(sum(grids)) ** 2 + rng.integers(0, 9, shape)
    return (smooth % 256 if np.dtype(dtype).itemsize == 1 else smooth).astype(dtype)


def every(folder: Path) -> list[Specimen]:
    """All of them; `folder` is for writers that need files."""
    return [
        specimen for maker in (_nifti, _nrrd, _metaimage, _numpy, _pictures, _dicom, _vsl) for specimen in maker(folder)
    ]


def _single(name: str, file: str, data: bytes, guarded: int | None = None) -> Specimen:
    """One file; a checksum lies over its bytes from `guarded` on."""
    return Specimen(name, {file: data}, file, file, () if guarded is None else ((guarded, len(data)),))


def _written(folder: Path, file: str, write: Callable[[Path], object]) -> bytes:
    write(folder / file)
    return (folder / file).read_bytes()


def _nifti(folder: Path) -> list[Specimen]:
    def saved(file: str, cls, dtype: str, shape=(*SHAPE, 3), order: str = "<") -> bytes:
        header = cls.header_class(endianness=order)
        header.set_data_dtype(np.dtype(dtype).newbyteorder(order))
        image = cls(values(dtype, shape), AFFINE, header)
        image.header.set_xyzt_units("mm", "sec")
        return _written(folder, file, lambda path: nib.save(image, path))

    nifti = saved("a.nii", nib.Nifti1Image, "i2")
    pair = saved("p.img", nib.Nifti1Pair, "i2", order=">")
    analyze = nib.AnalyzeHeader(endianness=">")
    analyze.set_data_shape(SHAPE)
    analyze.set_data_dtype(np.int16)
    analyze.set_zooms((1, 2, 3))
    nib.save(nib.AnalyzeImage(values("i2"), None, analyze), folder / "z.img")
    old = {name: (folder / name).read_bytes() for name in ("z.hdr", "z.img")}
    both = {"p.hdr": (folder / "p.hdr").read_bytes(), "p.img": pair}
    return [
        _single("nifti", "a.nii", nifti),
        _single("nifti gzip", "a.nii.gz", gzip.compress(nifti, mtime=0), 10),
        _single(
            "nifti gzip, two members",
            "b.nii.gz",
            gzip.compress(nifti[:900], mtime=0) + gzip.compress(nifti[900:], mtime=0),
            10,
        ),
        _single("nifti2 float gzip", "c.nii.gz", gzip.compress(saved("n2.nii", nib.Nifti2Image, "f4"), mtime=0), 10),
        Specimen("nifti pair header", both, "p.img", "p.hdr"),
        Specimen("nifti pair values", both, "p.img", "p.img"),
        Specimen("analyze header", old, "z.img", "z.hdr"),
    ]


def _nrrd(folder: Path) -> list[Specimen]:
    header = {"space": "left-posterior-superior", "space directions": AFFINE[:3, :3].T, "space origin": AFFINE[:3, 3]}
    specimens = []
    for encoding, is_guarded in (("raw", False), ("gzip", True), ("bzip2", True), ("ascii", False)):
        file = f"{encoding}.nrrd"
        full = {**header, "encoding": encoding}
        data = _written(folder, file, lambda path, full=full: nrrd.write(str(path), values("i2"), full))
        start = data.index(b"\n\n") + 2
        specimens.append(_single(f"nrrd {encoding}", file, data, start if is_guarded else None))
    mib = _whole_mib(specimens[1].files["gzip.nrrd"])
    specimens.append(_single("nrrd gzip, a whole MiB", "mib.nrrd", mib, mib.index(b"\n\n") + 2))
    nrrd.write(str(folder / "d.nhdr"), values("i2"), {**header, "encoding": "gzip"}, detached_header=True)
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("d.*"))}
    values_file = next(name for name in files if name != "d.nhdr")
    specimens.append(Specimen("nhdr header", files, "d.nhdr", "d.nhdr"))
    specimens.append(Specimen("nhdr values", files, "d.nhdr", values_file, ((10, len(files[values_file])),)))
    return specimens


def _whole_mib(nrrd_gzip: bytes) -> bytes:
    """The header of a gzip NRRD with one MiB of values: readers that count to the promised size stop at a block."""
    head, _, _ = nrrd_gzip.partition(b"\n\n")
    lines = [b"sizes: 64 64 128" if line.startswith(b"sizes") else line for line in head.split(b"\n")]
    return b"\n".join(lines) + b"\n\n" + gzip.compress(values("i2", (64, 64, 128)).tobytes(order="F"), 1, mtime=0)


def _metaimage(folder: Path) -> list[Specimen]:
    image = SimpleITK.GetImageFromArray(values("i2").transpose(2, 1, 0))
    image.SetSpacing((1.5, 2.0, 3.0))
    specimens = []
    for compressed in (False, True):
        file = f"{'zlib' if compressed else 'raw'}.mha"
        SimpleITK.WriteImage(image, str(folder / file), useCompression=compressed)
        data = (folder / file).read_bytes()
        start = data.index(b"\n", data.index(b"ElementDataFile")) + 1
        specimens.append(_single(f"mha {file[:-4]}", file, data, start if compressed else None))
    SimpleITK.WriteImage(image, str(folder / "d.mhd"), useCompression=True)
    files = {name: (folder / name).read_bytes() for name in ("d.mhd", "d.zraw")}
    return [
        *specimens,
        Specimen("mhd header", files, "d.mhd", "d.mhd"),
        Specimen("mhd values", files, "d.mhd", "d.zraw", ((0, len(files["d.zraw"])),)),
    ]


def _numpy(folder: Path) -> list[Specimen]:
    array = values("i2")
    npy = _written(folder, "a.npy", lambda path: np.save(path, array))
    npz = _written(folder, "a.npz", lambda path: np.savez_compressed(path, image=array, affine_ras_mm=AFFINE))
    stored = _written(folder, "b.npz", lambda path: np.savez(path, image=array))
    return [
        _single("npy", "a.npy", npy),
        _single("npz deflated", "a.npz", npz, 0),
        _single("npz stored", "b.npz", stored, 0),
    ]


def _pictures(folder: Path) -> list[Specimen]:
    grey, rgb = values("u1", (23, 31)), values("u1", (23, 31, 3))
    palette = Image.fromarray(grey % 9)
    palette.putpalette(list(range(27)))
    pages = [Image.fromarray(page) for page in values("u2", (4, 23, 31))]
    wide = Image.fromarray(values("u2", (23, 31)))
    more = {"save_all": True, "append_images": pages[1:]}

    def png(file: str, picture: Image.Image) -> bytes:
        return _written(folder, file, picture.save)

    many = _written(folder, "m.tif", lambda path: pages[0].save(path, **more))
    packed = _written(folder, "d.tif", lambda path: pages[0].save(path, compression="tiff_adobe_deflate", **more))
    stack = {
        f"s{number}.png": png(f"s{number}.png", Image.fromarray(values("u1", (23, 31), number))) for number in range(3)
    }
    jpeg = _written(folder, "a.jpg", lambda path: Image.fromarray(rgb).save(path, quality=90))
    return [
        _single("png grey", "g.png", png("g.png", Image.fromarray(grey)), 0),
        _single("png 16 bit", "w.png", png("w.png", wide), 0),
        _single("png rgb", "c.png", png("c.png", Image.fromarray(rgb)), 0),
        _single("png palette", "p.png", png("p.png", palette), 0),
        Specimen("png stack", stack, ".", "s1.png", ((0, len(stack["s1.png"])),)),
        _single("jpeg", "a.jpg", jpeg),
        _single("tiff pages", "m.tif", many),
        Specimen("tiff deflate", {"d.tif": packed}, "d.tif", "d.tif", _strips(packed)),
    ]


def _strips(tiff: bytes) -> tuple[tuple[int, int], ...]:
    """Where the values of all pages lie: zlib streams, which end in a checksum."""
    with tifffile.TiffFile(BytesIO(tiff)) as file:
        return tuple(
            (start, start + size)
            for page in file.pages
            for start, size in zip(page.dataoffsets, page.databytecounts, strict=True)
        )


def _dicom(folder: Path) -> list[Specimen]:
    array = values("i2")

    def series(name: str, syntax: str | None = None) -> Specimen:
        files = {}
        for k in range(SHAPE[2]):
            rescale = {"RescaleSlope": 1, "RescaleIntercept": -1024}
            data = placed(array[:, :, k].T, (0, 0, 3 * k), number=k + 1, **rescale)
            files[f"{k}.dcm"] = _written(folder, f"{k}.dcm", lambda path, data=data: _save_as(data, syntax, path))
        return Specimen(f"dicom {name}", files, ".", "2.dcm")

    places = [(3 * (k % 2), 1 + k // 2, 10 * (k // 2), 1.0) for k in range(4)]
    many = _written(folder, "e.dcm", lambda path: save(enhanced(array.transpose(2, 1, 0)[:4], places), path))
    return [
        series("explicit"),
        series("implicit", ImplicitVRLittleEndian),
        series("big endian", ExplicitVRBigEndian),
        series("deflated", DeflatedExplicitVRLittleEndian),
        series("rle", RLELossless),
        series("jpeg-ls", JPEGLSLossless),
        series("jpeg 2000", JPEG2000Lossless),
        _single("dicom enhanced", "e.dcm", many),
    ]


def _save_as(data: Dataset, syntax: str | None, path: Path) -> None:
    """Write an uncompressed data set in another transfer syntax."""
    if syntax in (RLELossless, JPEGLSLossless):
        data.compress(syntax, generate_instance_uid=False)
    elif syntax is not None:
        data.file_meta.TransferSyntaxUID = syntax
    if syntax == JPEG2000Lossless:  # pydicom's encoder refuses pictures this small
        picture = np.frombuffer(data.PixelData, "i2").reshape(data.Rows, data.Columns)
        stream = imagecodecs.jpeg2k_encode(picture, reversible=True, level=0, codecformat="j2k", resolutions=2)
        data.PixelData = encapsulate([stream])
        data["PixelData"].is_undefined_length = True
    if syntax == ExplicitVRBigEndian:
        data.PixelData = np.frombuffer(data.PixelData, "<u2").astype(">u2").tobytes()
        data["PixelData"].VR = "OW"
    if syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
        is_implicit, is_little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
        dcmwrite(path, data, implicit_vr=is_implicit, little_endian=is_little, force_encoding=True)
    else:
        save(data, path)


def _vsl(folder: Path) -> list[Specimen]:
    (folder / "v.nii").write_bytes(_nifti(folder)[0].files["a.nii"])
    scan = open_scan(folder / "v.nii")
    specimens = []
    for name, options in (("lossless", {}), ("two tiers", {"lossless": True, "psnr": 40.0})):
        file = f"{name[:3]}.vsl"
        compress_scan(scan, folder / file, CompressConfig(threads=1, **options))
        specimens.append(_single(f"vsl {name}", file, (folder / file).read_bytes(), 0))
    return specimens
