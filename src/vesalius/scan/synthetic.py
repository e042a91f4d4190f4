r"""Pictures that no machine took, and how their files say so: PNG text, a NIfTI comment, DICOM's Synthetic Data.

PNG: text chunks, the first of which is `Synthetic: yes`. NIfTI: `descrip` begins with "synthetic", and an extension
of code 6 (comment) holds the facts as JSON. DICOM: a secondary capture of ImageType DERIVED\SECONDARY with Synthetic
Data (0008,001C) YES, which the standard has since 2022, Conversion Type SYN, and the facts as JSON in a private block.
Letters: J rows, I columns, C channel (1 or 3).
"""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import InputError, UsageError
from vesalius.files import regular
from vesalius.output import new_file
from vesalius.seeding import digest

if TYPE_CHECKING:  # Pillow is imported where it is used
    from PIL.Image import Image
    from PIL.PngImagePlugin import PngInfo

PictureFormat = Literal["png", "nii.gz", "dcm"]
FORMATS: tuple[PictureFormat, ...] = get_args(PictureFormat)
MASKS = "masks"
"""Folder of the label maps beside the pictures."""
_COMMENT = 6
_GROUP, _CREATOR = 0x0009, "VESALIUS SYNTHETIC"
_MARK = "Synthetic"
_PREFIX = "vesalius synthetic: "
_NAMES = {
    "model": "Model",
    "model_digest": "Model digest",
    "caption": "Caption",
    "seed": "Seed",
    "mask_sha256": "Mask SHA-256",
    "sampling": "Sampling",
    "source": "Source",
}
"""Field of a stamp -> name of its PNG text chunk."""


@dataclass(frozen=True)
class Stamp:
    """What a synthetic picture was made of. Equal stamps are equal pictures.

    Args:
        model: name of the model.
        model_digest: of its weights.
        caption: the picture in words; "" for none.
        seed: of its noise.
        mask_sha256: of the label map that it follows, see `mask_digest`; "" for none.
        sampling: options of the sampler and size, JSON.
        source: id of the case that mask and caption come from; "" for none.
    """

    model: str
    model_digest: str
    caption: str
    seed: int
    mask_sha256: str = ""
    sampling: str = "{}"
    source: str = ""

    @property
    def words(self) -> str:
        """One line for people.

        Example:
            >>> Stamp("generate/nuclei", "ab12", "stained", 3).words
            "made by generate/nuclei (ab12), seed 3, caption 'stained'"
        """
        caption = f", caption {self.caption!r}" if self.caption else ""
        return f"made by {self.model} ({self.model_digest[:12]}), seed {self.seed}{caption}"


def mask_digest(mask_JI: NDArray[np.integer] | None) -> str:
    """Return the SHA-256 of a label map, whatever its type; "" without one."""
    if mask_JI is None:
        return ""
    import hashlib

    hashed = hashlib.sha256(repr(mask_JI.shape).encode())
    hashed.update(np.ascontiguousarray(mask_JI, "<i4").tobytes())
    return hashed.hexdigest()


def write_synthetic(path: Path, picture_JIC: NDArray[np.unsignedinteger], stamp: Stamp, *, force: bool = False) -> None:
    """Write a picture, or its label map, that says that it is synthetic; the same stamp and pixels give the same bytes.

    Args:
        path: ends in .png, .nii.gz or .dcm.
        picture_JIC: 8 or 16 bits of one channel, or 8 bits of three.
        stamp: what it was made of.
        force: replace an older file.

    Raises:
        UsageError: another suffix.
        OutputError: the file exists or cannot be written.
    """
    kind = _kind(path)
    if kind is None:
        raise UsageError("is no name of a synthetic picture", where=path, fix=f"end it in {', '.join(FORMATS)}")
    write = {"png": _png, "nii.gz": _nifti, "dcm": _dicom}[kind]
    with new_file(path, force=force) as part:
        part.write_bytes(write(picture_JIC, stamp))


def read_stamp(path: Path) -> Stamp | None:
    """Return the stamp of a file; None where it bears none, or is no picture that can be read.

    Raises:
        InputError: it cannot be opened.
    """
    kind = _kind(path)
    if kind is None or not regular(path).is_file():
        return None
    try:
        return {"png": _of_png, "nii.gz": _of_nifti, "dcm": _of_dicom}[kind](path)
    except OSError as error:
        if error.errno is None:  # not what its name says
            return None
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    except Exception:  # damaged files raise nearly anything
        return None


def png_chunks(stamp: Stamp) -> PngInfo:
    """Return the text chunks that say what a picture was made of."""
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    chunks.add_text(_MARK, "yes")
    for field, name in _NAMES.items():
        chunks.add_itxt(name, str(getattr(stamp, field)))
    return chunks


def pillow_image(picture_JIC: NDArray[np.unsignedinteger]) -> Image:
    """Return a picture of one channel or three for Pillow."""
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(picture_JIC[:, :, 0] if picture_JIC.shape[2] == 1 else picture_JIC))


def _kind(path: Path) -> PictureFormat | None:
    name = path.name.lower()
    return next((kind for kind in FORMATS if name.endswith(f".{kind}")), None)


def _json(stamp: Stamp) -> str:
    return json.dumps({"synthetic": True, **asdict(stamp)}, ensure_ascii=False, sort_keys=True)


def _stamp(text: str) -> Stamp:
    raw = json.loads(text)
    return Stamp(**{field.name: raw[field.name] for field in fields(Stamp)})


def _png(picture_JIC: NDArray[np.unsignedinteger], stamp: Stamp) -> bytes:
    file = io.BytesIO()
    pillow_image(picture_JIC).save(file, format="PNG", pnginfo=png_chunks(stamp))
    return file.getvalue()


def _of_png(path: Path) -> Stamp | None:
    from PIL import Image

    with Image.open(regular(path)) as picture:
        text: dict[str, Any] = dict(getattr(picture, "text", {}))
    if text.get(_MARK) != "yes":
        return None
    values = {field: str(text.get(name, "")) for field, name in _NAMES.items()}
    return Stamp(**{**values, "seed": int(values["seed"])})  # type: ignore[arg-type]


def _nifti(picture_JIC: NDArray[np.unsignedinteger], stamp: Stamp) -> bytes:
    import nibabel as nib

    x_IJC = np.ascontiguousarray(picture_JIC.transpose(1, 0, 2))
    rgb = np.dtype([(name, "u1") for name in "RGB"])
    x_IJK = x_IJC if x_IJC.shape[2] == 1 else x_IJC.view(rgb)
    image = nib.Nifti1Image(x_IJK, None)
    image.header["descrip"] = f"synthetic, {stamp.model}"[:79].encode("ascii", "replace")
    image.header.extensions.append(nib.nifti1.Nifti1Extension(_COMMENT, (_PREFIX + _json(stamp)).encode()))
    return gzip.compress(image.to_bytes(), mtime=0)


def _of_nifti(path: Path) -> Stamp | None:
    import nibabel as nib

    for extension in nib.load(regular(path)).header.extensions:
        content = extension.get_content()
        text = content if isinstance(content, str) else content.decode("utf-8", "replace")
        if extension.get_code() == _COMMENT and text.startswith(_PREFIX):
            return _stamp(text.removeprefix(_PREFIX).rstrip("\0"))
    return None


def _dicom(picture_JIC: NDArray[np.unsignedinteger], stamp: Stamp) -> bytes:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    def uid(level: str) -> UID:
        return UID(f"2.25.{digest(level, _json(stamp), picture_JIC.tobytes().hex())}")

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = uid("instance")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    data = FileDataset(file, {}, file_meta=meta, preamble=bytes(128))
    data.SpecificCharacterSet = "ISO_IR 192"
    data.ImageType = ["DERIVED", "SECONDARY"]
    data.SyntheticData = "YES"
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID = uid("study"), uid("series")
    data.Modality, data.ConversionType = "OT", "SYN"
    data.PatientName, data.PatientID = "SYNTHETIC", "SYNTHETIC"
    data.PatientBirthDate = data.PatientSex = data.StudyDate = data.StudyTime = data.AccessionNumber = data.StudyID = ""
    data.SeriesNumber, data.InstanceNumber = 1, 1
    data.Manufacturer = "Vesalius"
    data.DerivationDescription = f"Synthetic: {stamp.words}"[:1024]
    data.BurnedInAnnotation = "NO"
    data.private_block(_GROUP, _CREATOR, create=True).add_new(0x01, "UT", _json(stamp))
    _pixels(data, picture_JIC)
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _pixels(data: Any, picture_JIC: NDArray[np.unsignedinteger]) -> None:
    data.Rows, data.Columns, data.SamplesPerPixel = picture_JIC.shape
    data.PhotometricInterpretation = "MONOCHROME2" if picture_JIC.shape[2] == 1 else "RGB"
    if picture_JIC.shape[2] > 1:
        data.PlanarConfiguration = 0
    data.BitsAllocated = data.BitsStored = 8 * picture_JIC.dtype.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
    values = picture_JIC.astype(picture_JIC.dtype.newbyteorder("<")).tobytes()
    data.add_new(0x7FE00010, "OB" if data.BitsAllocated == 8 else "OW", values + bytes(len(values) % 2))


def _of_dicom(path: Path) -> Stamp | None:
    from pydicom import dcmread

    data = dcmread(regular(path), stop_before_pixels=True)
    if str(data.get("SyntheticData", "")) != "YES":
        return None
    return _stamp(str(data.private_block(_GROUP, _CREATOR)[0x01].value))
