"""Identifiers planted wherever a file can hold some, and the search for them in all that a command leaves behind."""

import gzip
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK
from nibabel.nifti1 import Nifti1Extension
from PIL import Image, PngImagePlugin
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicom_making import item, placed, save

NAMES = "name of a file or folder"
SERIES_UID = "SeriesInstanceUID"
_TEXTS = """
    PatientName PatientID OtherPatientIDs PatientAddress PatientComments AdditionalPatientHistory EthnicGroup Occupation
    AccessionNumber StudyID StudyDescription SeriesDescription ProtocolName InstitutionName InstitutionAddress
    ReferringPhysicianName OperatorsName PerformingPhysicianName StationName DeviceSerialNumber ManufacturerModelName
    SoftwareVersions ImageComments RescaleType WindowCenterWidthExplanation BodyPartExamined ContrastBolusAgent
    AcquisitionDeviceProcessingDescription
"""


@dataclass
class Planted:
    """Places and what was planted there: every place has a word of its own."""

    words: dict[str, bytes] = field(default_factory=dict)

    def text(self, place: str) -> str:
        """A word for text."""
        word = f"QZX{len(self.words):03d}KVJ"
        self.words[place] = word.encode()
        return word

    def digits(self, place: str) -> str:
        """Digits for UIDs."""
        return self.word(place, f"7391{len(self.words):03d}8462")

    def word(self, place: str, word: str) -> str:
        """A word of the caller's choice."""
        self.words[place] = word.encode()
        return word

    def found(self, data: Iterable[bytes]) -> set[str]:
        """The places whose words occur, in the bytes or in what is deflated within them."""
        places = set()
        for one in data:
            for layer in _layers(one):
                places |= {place for place, word in self.words.items() if word in layer}
        return places


def _layers(data: bytes, depth: int = 3) -> Iterator[bytes]:
    """The bytes, and every zlib, gzip, raw deflate (zip) stream in them, inflated."""
    yield data
    yield data.replace(b"\0", b"")  # UTF-16
    if depth == 0:
        return
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", data):
        bits = 31 if data[match.start()] == 0x1F else 15
        try:
            inner = zlib.decompressobj(bits).decompress(data[match.start() :], 1 << 24)
        except zlib.error:
            continue
        if inner:
            yield from _layers(inner, depth - 1)
    if data[:2] == b"PK":
        with zipfile.ZipFile(BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from _layers(archive.read(name), depth - 1)


def left_behind(folder: Path) -> Iterator[bytes]:
    """The bytes of all files below a folder, and their names."""
    for path in [folder, *sorted(folder.rglob("*"))] if folder.is_dir() else [folder]:
        yield path.name.encode()
        if path.is_file():
            yield path.read_bytes()


def dicom_series(folder: Path, plant: Planted, pixels_JIK: np.ndarray) -> None:
    """A CT series with identifiers in some forty places of its headers, and in names."""
    folder.mkdir(parents=True)
    texts = {keyword: plant.text(keyword) for keyword in _TEXTS.split()}
    numbers = {
        "PatientBirthDate": plant.word("PatientBirthDate", "18031117"),
        "StudyDate": plant.word("StudyDate", "18641119"),
        "StudyInstanceUID": f"1.2.826.{plant.digits('StudyInstanceUID')}",
        "SeriesInstanceUID": f"1.2.826.{plant.digits(SERIES_UID)}",
        "FrameOfReferenceUID": f"1.2.826.{plant.digits('FrameOfReferenceUID')}",
    }
    instance = plant.digits("SOPInstanceUID")
    name = plant.text(NAMES)
    more = {
        "preamble": plant.text("preamble"),
        "meta": plant.text("file meta information"),
        "private": plant.text("private text"),
        "bytes": plant.text("private bytes"),
        "nested": plant.text("text in a sequence"),
        "table": plant.text("LUTExplanation"),
        "overlay": plant.text("overlay comments"),
        "padding": plant.text("trailing padding"),
        "after": plant.text("bytes after the pixels"),
    }
    for k in range(pixels_JIK.shape[2]):
        data = placed(pixels_JIK[:, :, k], (0, 0, 3.0 * k), number=k + 1, RescaleSlope=1, RescaleIntercept=-1024)
        for keyword, value in {**texts, **numbers}.items():
            setattr(data, keyword, value)
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.{instance}.{k}"
        _hide(data, more)
        save(data, folder / f"{name}-{k}.dcm")


def _hide(data: Dataset, words: dict[str, str]) -> None:
    data.preamble = words["preamble"].encode().ljust(128, b"\0")
    data.file_meta.PrivateInformationCreatorUID = "1.2.3"
    data.file_meta.PrivateInformation = words["meta"].encode() + b"\0"
    block = data.private_block(0x0009, "QUIET", create=True)
    block.add_new(0x01, "LO", words["private"])
    block.add_new(0x02, "OB", words["bytes"].encode() + b"\0")
    data.RequestAttributesSequence = Sequence([item(RequestedProcedureDescription=words["nested"])])
    data.VOILUTSequence = Sequence(
        [item(LUTDescriptor=[4, 0, 16], LUTExplanation=words["table"], LUTData=b"\0\0\1\0\2\0\3\0")]
    )
    data.VOILUTSequence[0]["LUTDescriptor"].VR = "US"
    data.VOILUTSequence[0]["LUTData"].VR = "OW"
    data.add_new(0x60000010, "US", data.Rows)
    data.add_new(0x60000011, "US", data.Columns)
    data.add_new(0x60004000, "LT", words["overlay"])
    data.add_new(0xFFFCFFFC, "OB", words["padding"].encode() + b"\0")
    data.PixelData += words["after"].encode() + b"\0" * (len(words["after"]) % 2)


def nifti(folder: Path, plant: Planted, shape: tuple[int, ...]) -> Path:
    """A NIfTI file with words in its four text fields, an extension, the gzip header and its name."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    image = nib.Nifti1Image(rng.integers(0, 500, shape).astype("i2"), np.diag([2.0, 2, 5, 1]))
    for name in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[name] = plant.text(f"NIfTI {name}").encode()
    image.header.extensions.append(Nifti1Extension("comment", plant.text("NIfTI extension").encode()))
    name = plant.text("NIfTI name")
    plain = folder / "plain.nii"
    nib.save(image, plain)
    path = folder / f"{name}.nii.gz"
    with (
        path.open("wb") as file,
        gzip.GzipFile(plant.text("name in a gzip header"), "wb", fileobj=file, mtime=0) as out,
    ):
        out.write(plain.read_bytes())
    plain.unlink()
    return path


def pictures(folder: Path, plant: Planted) -> None:
    """A numbered stack of PNG files with text chunks."""
    folder.mkdir(parents=True)
    name, told = plant.text("name of a picture"), PngImagePlugin.PngInfo()
    told.add_text("Comment", plant.text("PNG text"))
    told.add_itxt("Author", plant.text("PNG international text"), zip=True)
    for number in range(3):
        grey = np.random.default_rng(number).integers(0, 255, (20, 24)).astype("u1")
        Image.fromarray(grey).save(folder / f"{name}-{number}.png", pnginfo=told)


def others(folder: Path, plant: Planted) -> list[Path]:
    """TIFF, JPEG, NRRD, MetaImage and npz with words where their formats hold text."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    grey = rng.integers(0, 255, (20, 24)).astype("u1")
    Image.fromarray(grey).save(folder / "a.tif", description=plant.text("TIFF description"))
    Image.fromarray(grey).save(folder / "b.jpg", comment=plant.text("JPEG comment"))
    image = SimpleITK.GetImageFromArray(rng.integers(0, 99, (4, 6, 5)).astype("i2"))
    image.SetMetaData("patient", plant.text("NRRD key"))
    SimpleITK.WriteImage(image, str(folder / "c.nrrd"))
    SimpleITK.WriteImage(image, str(folder / "d.mha"))
    np.savez(folder / "e.npz", **{plant.text("name of an array"): rng.integers(0, 99, (5, 6, 4)).astype("i2")})
    return sorted(folder.iterdir())
