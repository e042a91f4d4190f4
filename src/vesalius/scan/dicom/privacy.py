"""What is kept of a DICOM header: an allow-list of attributes. Everything else is dropped.

"default" keeps the pixels' description, geometry, intensity, timing, and acquisition parameters that are numbers or
coded words; no free text, no date, no clock time, no name, no private attribute, no overlay. "strip" also drops the
acquisition parameters. "keep" does not use this module: it keeps the whole data set.

Values are checked too: numbers must be numbers and coded words must look like coded words, so that text in the wrong
place is dropped. UIDs of instances are replaced by keyed hashes, the same everywhere; UIDs of the standard stay.
Pixels are not examined: burned-in text causes a warning and is not removed.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import re
from typing import Literal

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from vesalius.scan.dicom.values import text, value, words

Level = Literal["default", "strip"]

DEIDENTIFICATION_METHOD = "Vesalius allow-list, keyed UIDs"

_IDENTITY = """
    SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID SynchronizationFrameOfReferenceUID
    Modality SeriesType ScanningSequence SequenceVariant
    InstanceNumber SeriesNumber AcquisitionNumber ImageType FrameType ConversionType
    ReferencedImageSequence SourceImageSequence ReferencedSOPClassUID ReferencedSOPInstanceUID ReferencedFrameNumber
"""
"""Identity of the instance and its series: numbers within the study, hashed UIDs."""

_PIXELS = """
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames FrameIncrementPointer Rows Columns
    BitsAllocated BitsStored HighBit PixelRepresentation SmallestImagePixelValue LargestImagePixelValue
    PixelPaddingValue PixelPaddingRangeLimit FloatPixelPaddingValue DoubleFloatPixelPaddingValue
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor
    RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
    SegmentedBluePaletteColorLookupTableData PixelAspectRatio
    LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod BurnedInAnnotation
    QualityControlImage RecognizableVisualFeatures PresentationLUTShape PixelIntensityRelationship
    PixelIntensityRelationshipSign
"""
"""Description of the pixels."""

_GEOMETRY = """
    ImagePositionPatient ImageOrientationPatient PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing
    SliceThickness SpacingBetweenSlices SliceLocation GantryDetectorTilt PatientPosition PatientOrientation
    PixelSpacingCalibrationType GridFrameOffsetVector SliceVector NumberOfSlices ReconstructionDiameter
    PlanePositionSequence PlaneOrientationSequence PixelMeasuresSequence VolumetricProperties
    SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence FrameContentSequence FrameAnatomySequence
    InStackPositionNumber StackID DimensionIndexValues DimensionOrganizationSequence DimensionOrganizationUID
    DimensionIndexSequence DimensionIndexPointer FunctionalGroupPointer DimensionOrganizationType FrameLaterality
    Laterality ImageLaterality DetectorInformationSequence SequenceOfUltrasoundRegions RegionSpatialFormat
    RegionDataType RegionFlags RegionLocationMinX0 RegionLocationMinY0 RegionLocationMaxX1 RegionLocationMaxY1
    PhysicalUnitsXDirection PhysicalUnitsYDirection PhysicalDeltaX PhysicalDeltaY ReferencePixelX0 ReferencePixelY0
    ReferencePixelPhysicalValueX ReferencePixelPhysicalValueY
"""
"""Place of the pixels."""

_INTENSITY = """
    RescaleSlope RescaleIntercept RescaleType PixelValueTransformationSequence ModalityLUTSequence ModalityLUTType
    WindowCenter WindowWidth VOILUTFunction VOILUTSequence FrameVOILUTSequence LUTDescriptor LUTData
    DoseGridScaling DoseUnits DoseType DoseSummationType Units CountsSource DecayCorrection DecayFactor
    RadionuclideTotalDose RadionuclideHalfLife RadionuclidePositronFraction RadiopharmaceuticalInformationSequence
    SUVType DoseCalibrationFactor ScatterFractionFactor DeadTimeFactor RealWorldValueMappingSequence
    RealWorldValueFirstValueMapped RealWorldValueLastValueMapped RealWorldValueIntercept RealWorldValueSlope
    RealWorldValueLUTData DoubleFloatRealWorldValueFirstValueMapped DoubleFloatRealWorldValueLastValueMapped
"""
"""Meaning of the pixel values."""

_TIMING = """
    TriggerTime FrameReferenceTime TemporalPositionIdentifier NumberOfTemporalPositions TemporalResolution
    TemporalPositionIndex TemporalPositionSequence TemporalPositionTimeOffset FrameTime FrameTimeVector FrameDelay
    ActualFrameDuration CineRate RecommendedDisplayFrameRate NumberOfTimeSlots TimeSlotVector TimeSliceVector
    NumberOfTimeSlices NumberOfFramesInPhase CardiacSynchronizationSequence NominalCardiacTriggerDelayTime
    ActualCardiacTriggerDelayTime RRIntervalTimeNominal NominalInterval LowRRValue HighRRValue HeartRate
    CardiacNumberOfImages TriggerWindow FrameAcquisitionDuration FrameAcquisitionNumber CardiacCyclePosition
"""
"""Times of the frames, relative to the heart or to the first frame; never clock times."""

_SEGMENTS = """
    SegmentSequence SegmentNumber SegmentAlgorithmType SegmentationType SegmentIdentificationSequence
    ReferencedSegmentNumber MaximumFractionalValue SegmentationFractionalType SegmentsOverlap
    SegmentedPropertyCategoryCodeSequence SegmentedPropertyTypeCodeSequence CodeValue CodingSchemeDesignator
"""
"""Required attributes of a segmentation; labels are replaced by numbers."""

_ACQUISITION = """
    KVP ExposureTime XRayTubeCurrent Exposure FocalSpots DataCollectionDiameter DistanceSourceToDetector
    DistanceSourceToPatient RotationDirection TableHeight SingleCollimationWidth TotalCollimationWidth TableSpeed
    TableFeedPerRotation SpiralPitchFactor CTDIvol BodyPartExamined ViewPosition
    ScanOptions MRAcquisitionType AngioFlag RepetitionTime EchoTime InversionTime
    NumberOfAverages ImagingFrequency EchoNumbers MagneticFieldStrength NumberOfPhaseEncodingSteps EchoTrainLength
    PercentSampling PercentPhaseFieldOfView PixelBandwidth AcquisitionMatrix InPlanePhaseEncodingDirection FlipAngle
    VariableFlipAngleFlag SAR dBdt DiffusionBValue DiffusionGradientOrientation DiffusionDirectionality
    MRDiffusionSequence DiffusionGradientDirectionSequence MREchoSequence EffectiveEchoTime ComplexImageComponent
    MRImageFrameTypeSequence CTImageFrameTypeSequence PixelPresentation VolumeBasedCalculationTechnique
    AcquisitionContrast MRTimingAndRelatedParametersSequence CorrectedImage MRModifierSequence InversionTimes
    MagnetizationTransfer
    CollimatorType AcquisitionDuration AxialAcceptance AxialMash NumberOfDetectors EnergyWindowInformationSequence
"""
"""Acquisition: numbers and coded words only. "strip" drops them, except those that distinguish frames."""

_DISTINGUISHES_FRAMES = """
    EchoTime EchoNumbers DiffusionBValue DiffusionGradientOrientation DiffusionDirectionality MRDiffusionSequence
    DiffusionGradientDirectionSequence MREchoSequence EffectiveEchoTime ComplexImageComponent MRImageFrameTypeSequence
    InversionTime FlipAngle ScanOptions AcquisitionContrast MRTimingAndRelatedParametersSequence
    MRModifierSequence InversionTimes MagnetizationTransfer
"""

_KEPT = frozenset(" ".join((_IDENTITY, _PIXELS, _GEOMETRY, _INTENSITY, _TIMING, _SEGMENTS)).split())
ALLOWED: dict[Level, frozenset[str]] = {
    "default": _KEPT | frozenset(_ACQUISITION.split()),
    "strip": _KEPT | frozenset(_DISTINGUISHES_FRAMES.split()),
}
"""Keywords kept at each level, in the data set and in the items of kept sequences."""

EMPTY_REQUIRED = """
    PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime AccessionNumber ReferringPhysicianName StudyID
    Manufacturer
"""
"""Type 2 attributes of the patient, study and equipment modules: present and empty."""

EMPTY_IF_DROPPED = """
    PositionReferenceIndicator KVP Laterality PatientOrientation ScanOptions MRAcquisitionType RepetitionTime
    EchoTrainLength CollimatorType CorrectedImage
"""
"""Type 2 attributes of some modalities: one that the source has and that is not kept stays present and empty."""

_CLASS_UIDS = frozenset({"SOPClassUID", "ReferencedSOPClassUID"})
_CODE_WORD = re.compile(r"[A-Z0-9_ ]{0,16}")
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]*([eE][-+]?[0-9]+)?")
_PATTERNS_BY_VR = {
    "CS": _CODE_WORD,
    "DS": _NUMBER,
    "IS": _NUMBER,
    "UI": re.compile(".+"),  # any value is replaced by a hash
}
_CLASS_UID = re.compile(r"[0-9.]{1,64}")
_BODY_PARTS = """
    ABDOMEN ANKLE AORTA ARM AXILLA BACK BLADDER BONE BRAIN BREAST BRONCHUS BUTTOCK CALCANEUS CALF CAROTID CEREBELLUM
    CERVIX CHEEK CHEST CHESTABDOMEN CHESTABDPELVIS CLAVICLE COCCYX COLON CORNEA CORONARYARTERY CSPINE CTSPINE DUODENUM
    EAR ELBOW ESOPHAGUS EXTREMITY EYE EYELID FACE FEMUR FINGER FOOT GALLBLADDER HAND HEAD HEADNECK HEART HIP HUMERUS
    ILEUM ILIUM JAW JEJUNUM KIDNEY KNEE LARYNX LEG LIVER LSPINE LSSPINE LUNG MAXILLA MEDIASTINUM MOUTH NECK NOSE ORBIT
    OVARY PANCREAS PAROTID PATELLA PELVIS PENIS PHARYNX PROSTATE RADIUS RADIUSULNA RECTUM RIB SACRUM SCALP SCAPULA
    SCLERA SCROTUM SELLA SHOULDER SIJOINT SINUS SKULL SPINE SPLEEN SSPINE STERNUM STOMACH SUBMANDIBULAR TESTIS THIGH
    THORAX THUMB THYMUS THYROID TIBIA TIBIAFIBULA TLSPINE TMJ TOE TONGUE TRACHEA TSPINE ULNA UMBILICAL URETER URETHRA
    UTERUS VAGINA VULVA WHOLEBODY WRIST ZYGOMA
"""
"""Terms of BodyPartExamined (PS3.16 annex L), which is often typed by hand."""
_UNIT_WORD = re.compile("OD|HU|US|MGML|Z_EFF|ED|EDW|HU_MOD|PCT")
_PATTERNS = {
    **dict.fromkeys(_CLASS_UIDS, _CLASS_UID),
    "RescaleType": _UNIT_WORD,
    "ModalityLUTType": _UNIT_WORD,
    "BodyPartExamined": re.compile("|".join(_BODY_PARTS.split())),
    "StackID": re.compile("[0-9]{1,16}"),
    "CodeValue": re.compile("[A-Z]?-?[0-9A-F]{1,14}"),
    "CodingSchemeDesignator": re.compile("SCT|SRT|SNM3|DCM|FMA|LN|UCUM"),
}
"""Kept attributes whose representation allows free text -> the words that are allowed."""
_BINARY_VRS = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "SV", "UV", "AT", "OW", "OB"})
_STANDARD_UID = re.compile(r"1\.2\.840\.10008\.[0-9.]{1,50}")
_BURNED_IN_MODALITIES = frozenset({"US", "XA", "RF", "ES", "OT", "SC", "XC", "GM", "SM", "OP", "IVUS", "IVOCT"})


def filtered(data: Dataset, level: Level) -> Dataset:
    """Return a copy with what the allow-list of `level` keeps, UIDs unchanged; `data` itself is not changed."""
    return _filter(data, ALLOWED[level])


def remap_uids(data: Dataset, key: bytes) -> None:
    """Replace every UID that names an instance, in place and in all items; class and standard UIDs stay."""
    for element in data.iterall():
        if element.VR != "UI" or element.keyword in _CLASS_UIDS or not element.value:
            continue
        many = [element.value] if isinstance(element.value, str) else list(element.value)
        new = [uid if _STANDARD_UID.fullmatch(uid) else remapped_uid(uid, key) for uid in map(str, many)]
        element.value = new[0] if len(new) == 1 else new


def remapped_uid(uid: str, key: bytes) -> str:
    """Return the keyed hash of a UID: the first 128 bits of HMAC-SHA256 as a UUID-derived UID."""
    digest = hmac.new(key, uid.strip(" \0").encode(), hashlib.sha256).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def is_class_uid(uid: str) -> bool:
    """True for a possible UID of a SOP class."""
    return bool(_CLASS_UID.fullmatch(uid))


def burned_in_warning(data: Dataset) -> str | None:
    """Return a sentence where the pixels may show text that identifies the patient, else None."""
    stated = text(data, "BurnedInAnnotation")
    if stated == "YES":
        return "the header states that text is burned into the pixels; it is kept"
    if stated != "NO" and text(data, "Modality") in _BURNED_IN_MODALITIES:
        return "pixels of this modality often show text; it is not searched for and is kept"
    return None


def _filter(data: Dataset, allowed: frozenset[str]) -> Dataset:
    kept = Dataset()
    for tag in sorted(data.keys()):
        keyword = keyword_for_tag(tag)
        if keyword not in allowed or value(data, keyword) is None:
            continue
        element = data[tag]
        if element.VR == "SQ" and dictionary_VR(tag) == "SQ":
            kept.add(DataElement(tag, "SQ", Sequence(_filter(entry, allowed) for entry in element.value)))
        elif keyword == "ImageType":
            sound = [word for word in words(data, keyword) if _CODE_WORD.fullmatch(word)]
            if len(sound) > 1:
                kept.ImageType = sound
        elif _is_sound(element):
            kept.add(copy.copy(element))
    if "SegmentNumber" in kept and "SegmentAlgorithmType" in kept:
        kept.SegmentLabel = f"Segment {kept.SegmentNumber}"
    if "CodeValue" in kept:
        kept.CodeMeaning = f"Code {kept.CodeValue}"
    return kept


def _is_sound(element: DataElement) -> bool:
    """True where the value has the type that the dictionary states; free text never has."""
    if element.VR not in dictionary_VR(element.tag).split(" or "):
        return False
    if element.VR in _BINARY_VRS:
        return True
    pattern = _PATTERNS.get(element.keyword) or _PATTERNS_BY_VR.get(element.VR)
    many = element.value if element.VM > 1 else [element.value]
    return pattern is not None and all(pattern.fullmatch(str(entry).strip()) for entry in many)
