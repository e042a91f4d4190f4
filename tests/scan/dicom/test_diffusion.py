import struct

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian, MRImageStorage

from dicom_making import enhanced, instance, item, placed, save, save_all, sequence
from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import open_vsl, restore
from vesalius.codec.options import CompressConfig
from vesalius.scan.dicom.diffusion import is_diffusion, read_diffusion
from vesalius.scan.dicom.header import read_instance
from vesalius.scan.dicom.order import arrange
from vesalius.scan.dicom.series import list_series
from vesalius.scan.dicom.values import quiet

FLAT = np.zeros((4, 6), np.int16)
DIRECTION = (0.6, 0.0, 0.8)


def with_private(data, *attributes):
    """Add (group, block, creator, element, VR, value)."""
    for group, block, creator, element, vr, value in attributes:
        data.add_new((group, block), "LO", creator)
        data.add_new((group, block << 8 | element), vr, value)
    return data


def siemens(data, b, block=0x10):
    creator = "SIEMENS MR HEADER"
    return with_private(
        data,
        (0x0019, block, creator, 0x0C, "IS", str(b)),
        (0x0019, block, creator, 0x0E, "FD", list(DIRECTION)),
    )


def ge(data, b, block=0x10):
    with_private(data, (0x0043, block, "GEMS_PARM_01", 0x39, "IS", [b, 8, 0, 0]))
    return with_private(
        data, *((0x0019, block, "GEMS_ACQU_01", 0xBB + n, "DS", str(x)) for n, x in enumerate(DIRECTION))
    )


def philips(data, b, block=0x10):
    with_private(data, (0x2001, block, "Philips Imaging DD 001", 0x03, "FL", float(b)))
    return with_private(
        data, *((0x2005, block, "Philips MR Imaging DD 001", 0xB0 + n, "FL", x) for n, x in enumerate(DIRECTION))
    )


def united(data, b, block=0x10):
    creator = "Image Private Header"
    return with_private(
        data,
        (0x0065, block, creator, 0x09, "FD", float(b)),
        (0x0065, block, creator, 0x37, "FD", list(DIRECTION)),
    )


def standard(data, b):
    data.DiffusionBValue, data.DiffusionGradientOrientation = float(b), list(DIRECTION)
    return data


VENDORS = [siemens, ge, philips, united]


@pytest.mark.parametrize("vendor", [*VENDORS, standard])
def test_each_vendor_states_b_value_and_direction(vendor):
    assert read_diffusion(vendor(instance(FLAT), 800)) == pytest.approx((800, *DIRECTION))


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("syntax", ["explicit", "implicit", "bytes"])
def test_any_block_and_any_representation_are_read(tmp_path, vendor, syntax):
    data = vendor(instance(FLAT), 700, block=0x23)
    if syntax == "implicit":
        data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    if syntax == "bytes":
        kinds = {"IS": "{}".format, "DS": "{}".format, "FL": "<{}f", "FD": "<{}d"}
        for element in [one for one in data if one.tag.is_private and one.tag.element > 0xFF]:
            many = list(element.value) if element.VM > 1 else [element.value]
            kind = kinds[element.VR]
            packed = (
                "\\".join(map(str, many)).encode()
                if callable(kind)
                else struct.pack(kind.format(len(many)), *map(float, many))
            )
            data.add_new(element.tag, "UN", packed + b" " * (len(packed) % 2))
    with quiet():
        read = dcmread(save(data, tmp_path / "a.dcm"))
        assert read_diffusion(read) == pytest.approx((700, *DIRECTION))


@pytest.mark.parametrize("vendor", VENDORS)
def test_another_creator_means_another_attribute(vendor):
    data = vendor(instance(FLAT), 700)
    for element in list(data):
        if element.tag.is_private and element.tag.element <= 0xFF:
            element.value = "SOMEBODY ELSE"
    assert read_diffusion(data) is None


@pytest.mark.parametrize(
    ("vendor", "manufacturer"),
    [(siemens, "Siemens Healthineers"), (ge, "GE MEDICAL SYSTEMS"), (philips, "Philips"), (united, "UIH")],
)
def test_where_creators_are_taken_out_the_manufacturer_decides(vendor, manufacturer):
    data = vendor(instance(FLAT), 700)
    for element in list(data):
        if element.tag.is_private and element.tag.element <= 0xFF:
            del data[element.tag]
    assert read_diffusion(data) is None
    data.Manufacturer = "Somebody Else"
    assert read_diffusion(data) is None
    data.Manufacturer = manufacturer
    assert read_diffusion(data) == pytest.approx((700, *DIRECTION))


def test_the_offset_of_ge_is_taken_off_and_no_weighting_has_no_direction():
    assert read_diffusion(ge(instance(FLAT), 1_000_000_050))[0] == 50
    assert read_diffusion(ge(instance(FLAT), 0)) == (0,)
    assert read_diffusion(ge(instance(FLAT), -5)) is None


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"SequenceName": "*ep_b1000#12"}, (1000,)),
        ({"SequenceName": "ep_b50t"}, (50,)),
        ({"SequenceName": "*tfi2d1_12"}, None),
        ({"ImageComments": "b=2000(0.140, -0.134,0.981)"}, (2000, 0.14, -0.134, 0.981)),
        ({"ImageComments": "b=2 to be seen"}, None),
    ],
)
def test_names_and_comments_of_a_fixed_form_count(attributes, expected):
    assert read_diffusion(instance(FLAT, **attributes)) == expected


def test_the_type_of_an_mr_picture_says_diffusion():
    for word in ("DIFFUSION", "ADC", "TRACEW", "FA"):
        assert is_diffusion(instance(FLAT, sop_class=MRImageStorage, ImageType=["DERIVED", "PRIMARY", word, "ND"]))
    assert not is_diffusion(instance(FLAT, sop_class=MRImageStorage))
    assert not is_diffusion(instance(FLAT, ImageType=["DERIVED", "PRIMARY", "FA"]))  # no MR
    assert is_diffusion(instance(FLAT, sop_class=MRImageStorage), item(AcquisitionContrast="DIFFUSION"))


def frames(make, values, **attributes):
    """Three slices of as many frames as there are values, ten seconds of the clock apart."""
    return [
        make(
            placed(
                FLAT + 10 * t + k,
                (0, 0, 3.0 * k),
                number=10 * t + k,
                sop_class=MRImageStorage,
                AcquisitionTime=f"1200{10 * t:02d}",
                **attributes,
            ),
            value,
        )
        for k in range(3)
        for t, value in enumerate(values)
    ]


def arranged(folder, many):
    return arrange([read_instance(path) for path in save_all(many, folder)])


@pytest.mark.parametrize("vendor", [*VENDORS, standard])
def test_weightings_of_vendors_are_diffusion_in_the_order_of_the_clock(tmp_path, vendor):
    result = arranged(tmp_path, frames(vendor, [0, 1000, 500, 1000]))
    assert (result.t_meaning, result.frame_ms) == ("diffusion", None)
    assert [[frame.number for frame in row] for row in result.frames_TK] == [
        [10 * t, 10 * t + 1, 10 * t + 2] for t in range(4)
    ]


@pytest.mark.parametrize("vendor", VENDORS)
def test_equal_weightings_are_never_time(tmp_path, vendor):
    result = arranged(tmp_path, frames(vendor, [1000, 1000]))
    assert (result.t_meaning, result.frame_ms) == ("unknown", None)
    assert any("diffusion-weighted" in problem for problem in result.problems)


def test_b_zero_everywhere_leaves_time(tmp_path):
    assert arranged(tmp_path, frames(ge, [0, 0, 0])).t_meaning == "time"


def test_a_picture_of_diffusion_without_a_b_value_is_never_time(tmp_path):
    many = frames(lambda data, _: data, range(3), ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "ADC"])
    result = arranged(tmp_path, many)
    assert (result.t_meaning, result.frame_ms) == ("unknown", None)
    assert any("diffusion maps" in problem for problem in result.problems)


def test_an_enhanced_frame_may_hold_the_attribute_of_its_vendor(tmp_path):
    places = [(5 * k, None, 0, 1) for k in range(2) for _ in range(2)]
    data = enhanced(np.zeros((4, 4, 6), np.int16), places)
    for n, group in enumerate(data.PerFrameFunctionalGroupsSequence):
        del group.CardiacSynchronizationSequence
        group.FrameContentSequence = sequence(DimensionIndexValues=[1 + n // 2, 1 + n % 2])
        philips(group, 1000 * (n % 2))
    assert arranged(tmp_path, [data]).t_meaning == "diffusion"


def test_the_weighting_outlives_the_private_attributes(tmp_path):
    paths = save_all(frames(siemens, [0, 1000]), tmp_path / "in")
    (found,) = list_series(paths)[0]
    for level in ("default", "strip"):
        compress_scan(found.open(), tmp_path / f"{level}.vsl", CompressConfig(identifiers=level), uid_key=b"key")
        restore(open_vsl(tmp_path / f"{level}.vsl"), tmp_path / level, threads=1)
        (back,) = list_series(sorted((tmp_path / level).iterdir()))[0]
        assert back.open().t_meaning == "diffusion"
        np.testing.assert_array_equal(back.open().stored(), found.open().stored())
        assert all(not any(one.tag.is_private for one in dcmread(path)) for path in (tmp_path / level).iterdir())
