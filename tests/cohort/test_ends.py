import pytest

from vesalius.cohort.case import Case
from vesalius.cohort.ends import Ends, ends_beside, ends_of_case
from vesalius.errors import InputError


def test_frames_of_masks_then_facts_of_a_manifest():
    case = Case(id="a", images={"image": "a.nii"}, facts={"ed_frame": 3, "es_frame": 9})
    assert ends_of_case(case) == Ends(3, 9, "the manifest")
    drawn = case.model_copy(update={"frames": {"ED": 0, "ES": 11}})
    assert ends_of_case(drawn).frames == (0, 11)
    assert ends_of_case(case.model_copy(update={"frames": {"ED": 0}})).frames == (3, 9)
    for facts in ({}, {"ed_frame": 3}, {"ed_frame": 3, "es_frame": "late"}, {"ed_frame": True, "es_frame": 2}):
        assert ends_of_case(case.model_copy(update={"facts": facts})) is None


def test_info_cfg_counts_from_one(tmp_path):
    cine = tmp_path / "p_4d.nii.gz"
    cine.touch()
    assert ends_beside(cine) is None
    (tmp_path / "Info.cfg").write_text("ED: 19\nES: 8\nGroup: HF\n")
    assert ends_beside(cine) == Ends(18, 7, "Info.cfg")
    assert ends_beside(tmp_path) is None  # a DICOM folder
    for text in ("ED: 1\n", "ED: 0\nES: 8\n", "ED: first\nES: 8\n"):
        (tmp_path / "Info.cfg").write_text(text)
        assert ends_beside(cine) is None
    (tmp_path / "Info.cfg").write_text("ED: 4\nES: 4\n")
    with pytest.raises(InputError, match=r"Info\.cfg calls one frame both ED and ES"):
        ends_beside(cine)
    (tmp_path / "Info.cfg").write_bytes(b"ED: 1\xff\n")
    with pytest.raises(InputError, match="cannot be read"):
        ends_beside(cine)
