"""Small DICOM instances for tests, written by pydicom."""

import datetime
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage

TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"
"""What pydicom brings along; nothing is downloaded."""
SERIES_UID = "1.2.3.4.50"


def instance(array_NJI, *, number=1, sop_class=CTImageStorage, **attributes):
    """A data set with pixels (N, J, I), (J, I) or (J, I, C) and the given attributes on top of plain ones."""
    array = np.asarray(array_NJI)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = f"1.2.3.4.5.{number}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID = sop_class
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID = "1.2.3.4.49"
    data.SeriesInstanceUID = SERIES_UID
    data.FrameOfReferenceUID = "1.2.3.4.48"
    data.Modality = "MR" if sop_class == MRImageStorage else "CT"
    data.InstanceNumber = number
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.PatientName = "PLANTED^NAME"
    data.PatientID = "PLANTED-ID"
    samples = 3 if array.shape[-1] == 3 and array.ndim > 2 else 1
    pixels = array.reshape(-1, *array.shape[-2 - (samples > 1) :])
    data.Rows, data.Columns = pixels.shape[1:3]
    data.SamplesPerPixel = samples
    data.PhotometricInterpretation = "RGB" if samples > 1 else "MONOCHROME2"
    if samples > 1:
        data.PlanarConfiguration = 0
    if len(pixels) > 1 or array.ndim - (samples > 1) > 2:
        data.NumberOfFrames = len(pixels)
    data.BitsAllocated = data.BitsStored = 8 * array.dtype.itemsize
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(array.dtype.kind == "i")
    for keyword, value in attributes.items():
        if value is None:
            if keyword in data:
                delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    data.PixelData = array.astype(array.dtype.newbyteorder("<")).tobytes()
    data["PixelData"].VR = "OB" if array.dtype.itemsize == 1 else "OW"
    return data


def placed(array_JI, position, *, cosines=(1, 0, 0, 0, 1, 0), spacing=(0.5, 0.25), **attributes):
    """A single-frame instance at a place in the patient (LPS)."""
    return instance(
        array_JI,
        ImagePositionPatient=[float(x) for x in position],
        ImageOrientationPatient=[float(x) for x in cosines],
        PixelSpacing=[float(x) for x in spacing],
        **{"SliceThickness": 2.0, **attributes},
    )


def save(data, path):
    """Write with file meta information; returns the path."""
    data.save_as(path, enforce_file_format=True)
    return Path(path)


def save_all(many, folder):
    """Write each under its number."""
    folder.mkdir(parents=True, exist_ok=True)
    return [save(data, folder / f"{n}.dcm") for n, data in enumerate(many)]


def item(**attributes):
    """One item of a sequence."""
    data = Dataset()
    for keyword, value in attributes.items():
        setattr(data, keyword, value)
    return data


def sequence(**attributes):
    """A sequence of one item."""
    return Sequence([item(**attributes)])


def enhanced(frames, places, **attributes):
    """An enhanced MR instance; `places` gives (z, temporal index, trigger ms, slope) of each frame."""
    groups = []
    for z, index, trigger, slope in places:
        group = item(
            FrameContentSequence=sequence(TemporalPositionIndex=index, DimensionIndexValues=[1, index]),
            PlanePositionSequence=sequence(ImagePositionPatient=[0.0, 0.0, float(z)]),
            PixelValueTransformationSequence=sequence(RescaleSlope=slope, RescaleIntercept=0, RescaleType="US"),
            CardiacSynchronizationSequence=sequence(NominalCardiacTriggerDelayTime=float(trigger)),
        )
        groups.append(group)
    shared = item(
        PlaneOrientationSequence=sequence(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        PixelMeasuresSequence=sequence(PixelSpacing=[1.5, 1.25], SliceThickness=3.0),
    )
    data = instance(frames, sop_class=EnhancedMRImageStorage, **attributes)
    data.Modality = "MR"
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    data.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return data


def day(text):
    """A date for DA attributes."""
    return datetime.date.fromisoformat(text).strftime("%Y%m%d")
