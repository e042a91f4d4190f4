"""Label maps as DICOM Segmentation objects of the series that they were made from, written with highdicom.

One file for each point in time, one binary segment for each class, frames without a label left out. Positions, frame of
reference, patient and study are those of the source.
Letters: T time, I J K voxel axes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.valuerep import DA, TM

import vesalius
from vesalius.errors import GeometryError, InputError, MissingExtraError
from vesalius.files import regular
from vesalius.output import new_file
from vesalius.scan.damage import not_readable
from vesalius.scan.dicom.concepts import Concept, concept_of
from vesalius.scan.dicom.header import open_stream, read_header
from vesalius.scan.dicom.native import DicomNative, as_read
from vesalius.scan.dicom.privacy import EMPTY_REQUIRED, remapped_uid
from vesalius.scan.dicom.values import items, quiet, text, value
from vesalius.scan.scan import Scan

_UTF8 = "ISO_IR 192"
_MOST_LABEL = 64
_SERIES_NUMBER = 1000
"""Added to the number of the source's series."""
_COMMON = {"StudyInstanceUID": "study", "SeriesInstanceUID": "series", "FrameOfReferenceUID": "frame of reference"}
_LEAVE_OUT = "leave out --dicom-seg"


def needs_highdicom() -> None:
    """Raise MissingExtraError where segmentations cannot be written."""
    if find_spec("highdicom") is None:
        raise MissingExtraError("highdicom, which writes DICOM SEG, is not installed", extra="dicom")


@dataclass(frozen=True)
class Author:
    """What made a label map.

    Args:
        name: of the model, at most 64 characters are kept.
        digest: of its weights, hexadecimal.
        notice: a sentence for the description, at most 64 characters.
    """

    name: str
    digest: str
    notice: str


class Referred:
    """A DICOM series that segmentations can refer to.

    Args:
        scan: opened from DICOM, on the slices of its files.

    Raises:
        InputError: it is no DICOM; its files share no frame of reference or study, or several of them are multi-frame.
        GeometryError: its slices lie on no grid.
    """

    def __init__(self, scan: Scan) -> None:
        if not isinstance(scan.native, DicomNative):
            raise InputError("is no DICOM series, so no DICOM SEG can refer to it", fix=_LEAVE_OUT)
        if scan.grid_problem is not None:
            raise GeometryError(f"no DICOM SEG lies on its slices: {scan.grid_problem}", fix=_LEAVE_OUT)
        self.shape = scan.shape[1:]
        pixels = scan.native.pixels
        self._order_TK2 = pixels.order_TK2
        with quiet():
            self._headers = [_header(path) for path in pixels.paths]
            self._check()

    def _check(self) -> None:
        for keyword, what in _COMMON.items():
            stated = {text(header, keyword) for header in self._headers}
            if len(stated) > 1 or "" in stated:
                raise InputError(f"its files state no common {what}, which a DICOM SEG needs", fix=_LEAVE_OUT)
        if any(_is_multi_frame(header) for header in self._headers):
            for order_K2 in self._order_TK2:
                if len(np.unique(order_K2[:, 0])) > 1:
                    what = "its slices lie in several multi-frame files, to which no one DICOM SEG can refer"
                    raise InputError(what, fix=_LEAVE_OUT)

    def write(
        self, label_map: Scan, labels: Mapping[str, int], author: Author, folder: Path, name: str
    ) -> tuple[Path, ...]:
        """Write NAME.seg.dcm, or NAME.seg.tNNN.dcm for each point in time; older files are replaced.

        Args:
            label_map: on the grid of the scan.
            labels: class -> its value in the map, in the order of the segments, which are numbered from 1.
            author: what made the map.
            folder: of the files.
            name: of the study.

        Raises:
            GeometryError: the map lies on another grid.
            InputError: a header from which no segmentation can be made.
            OutputError: cannot be written.
        """
        if label_map.shape[1:] != self.shape:
            raise GeometryError("the label map does not lie on the slices of the DICOM series", fix=_LEAVE_OUT)
        frames, width = self.shape[0], max(3, len(str(self.shape[0] - 1)))
        numbers_TIJK = _numbered(label_map.stored()[0], labels)
        paths = []
        for t in range(frames):
            moment = "" if frames == 1 else f".t{t:0{width}d}"
            path = folder / f"{name}.seg{moment}.dcm"
            with quiet(), new_file(path, force=True) as part:
                self._segmentation(t, numbers_TIJK[t], labels, author).save_as(part)
            paths.append(path)
        return tuple(paths)

    def _segmentation(self, t: int, numbers_IJK: NDArray[np.uint8], labels: Mapping[str, int], author: Author) -> Any:
        from highdicom.seg import Segmentation

        instances_K, frames_K = self._order_TK2[t].T.tolist()
        sources, renumbered = _sources(self._headers, instances_K, frames_K)
        series = text(self._headers[0], "SeriesInstanceUID")
        series_uid = remapped_uid(f"{series} {author.digest}", b"segmentation")
        content = hashlib.sha256(np.ascontiguousarray(numbers_IJK).tobytes()).hexdigest()
        frames = self.shape[0]
        moment = "" if frames == 1 else f" Frame {t} (from 0) of {frames}."
        try:
            with quiet():
                made = Segmentation(
                    source_images=sources,
                    pixel_array=np.ascontiguousarray(numbers_IJK.transpose(2, 1, 0)),
                    segmentation_type="BINARY",
                    segment_descriptions=_descriptions(labels, author),
                    series_instance_uid=series_uid,
                    series_number=_SERIES_NUMBER + int(value(sources[0], "SeriesNumber") or 0),
                    sop_instance_uid=remapped_uid(f"{series_uid} {t} {content}", b"segmentation"),
                    instance_number=t + 1,
                    manufacturer="Vesalius",
                    manufacturer_model_name="vesalius predict",
                    software_versions=vesalius.__version__,
                    device_serial_number=author.digest[:16],
                    content_description=author.notice[:_MOST_LABEL],
                    content_label="SEGMENTATION",
                    content_qualification="RESEARCH",
                    series_description=f"{author.notice}{moment}"[:_MOST_LABEL],
                    specific_character_set=_UTF8,
                )
                if renumbered:
                    _renumber(made, frames_K)
                return made
        except Exception as error:  # a damaged header raises nearly anything; its values may name the patient
            what = f"no DICOM SEG can be made from its headers ({type(error).__name__})"
            raise InputError(what, fix=_LEAVE_OUT) from error


def _numbered(labels_TIJK: NDArray[Any], labels: Mapping[str, int]) -> NDArray[np.uint8]:
    """Numbers of the segments in place of the values of the map."""
    numbers_TIJK = np.zeros(labels_TIJK.shape, np.uint8)
    for number, label in enumerate(labels.values(), start=1):
        numbers_TIJK[labels_TIJK == label] = number
    return numbers_TIJK


def _is_multi_frame(header: Dataset) -> bool:
    return bool(items(header, "SharedFunctionalGroupsSequence") or (value(header, "NumberOfFrames") or 1) > 1)


def _sources(headers: Sequence[Dataset], instances: Sequence[int], frames: Sequence[int]) -> tuple[list[Dataset], bool]:
    """Headers of the slices of one moment in their order, and whether it is one header, of these frames only."""
    first = headers[instances[0]]
    if _is_multi_frame(first):
        groups = items(first, "PerFrameFunctionalGroupsSequence")
        picked = as_read(first)
        picked.PerFrameFunctionalGroupsSequence = DicomSequence(groups[frame] for frame in frames)
        picked.NumberOfFrames = len(frames)
        return [picked], True
    sources = [headers[instance] for instance in instances]
    for source in sources:  # the slices are parallel; highdicom wants them parallel to the last digit
        source.ImageOrientationPatient = first.ImageOrientationPatient
    return sources, False


def _header(path: Path) -> Dataset:
    """The header of a file; what a file of any kind must state is empty where it is missing or no date, time or sex."""
    try:
        with regular(path).open("rb") as file:
            stream = open_stream(file, file.read(4096))
            stream.seek(0)
            header: Dataset = read_header(stream, force=True)
            for keyword in EMPTY_REQUIRED.split():
                if keyword not in header or not _is_sound(keyword, text(header, keyword)):
                    setattr(header, keyword, "")
    except OSError as error:
        raise not_readable(path, error) from error
    return header


def _is_sound(keyword: str, stated: str) -> bool:
    """Whether a date, a time or a sex is one; programs that remove identities leave 00000000 and the like."""
    try:
        if keyword.endswith("Date"):
            DA(stated)
        elif keyword.endswith("Time"):
            TM(stated)
    except ValueError:
        return False
    return keyword != "PatientSex" or stated in ("", "M", "F", "O")


def _renumber(segmentation: Dataset, frames: Sequence[int]) -> None:
    """Refer to the frames as they are numbered in the file, not among those of one moment."""
    sources = {
        id(source): source  # the segments of a slice share it
        for group in segmentation.PerFrameFunctionalGroupsSequence
        for derivation in items(group, "DerivationImageSequence")
        for source in items(derivation, "SourceImageSequence")
    }
    for source in sources.values():
        source.ReferencedFrameNumber = frames[int(source.ReferencedFrameNumber) - 1] + 1


def _descriptions(labels: Mapping[str, int], author: Author) -> list[Any]:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from pydicom.sr.codedict import codes

    algorithm = AlgorithmIdentificationSequence(
        name=author.name[:_MOST_LABEL], family=codes.DCM.ArtificialIntelligence, version=author.digest[:16]
    )
    described = []
    for number, (name, label) in enumerate(labels.items(), start=1):
        category, kind = concept_of(name)
        described.append(
            SegmentDescription(
                segment_number=number,
                segment_label=name[:_MOST_LABEL],
                segmented_property_category=_code(category),
                segmented_property_type=_code(kind),
                algorithm_type="AUTOMATIC",
                algorithm_identification=algorithm,
            )
        )
        described[-1].SegmentDescription = f"Value {label} of the label map. {author.notice}"
    return described


def _code(concept: Concept) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(concept.value, concept.scheme, concept.meaning)
