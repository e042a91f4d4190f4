import pytest

from cohort.audit.planted import sound
from vesalius.cohort.build import BUILDERS, build_cohort
from vesalius.errors import ConfigError, InputError, UsageError


def test_layouts_and_options_that_are_not_there(tmp_path):
    with pytest.raises(UsageError, match="adcd: no such layout; did you mean 'acdc'"):
        build_cohort("adcd", tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        build_cohort("acdc", tmp_path / "none")
    with pytest.raises(UsageError, match="no such option, only spacing_from; leave it out"):
        build_cohort("acdc", tmp_path, ["x=1"])
    with pytest.raises(InputError, match="has no known layout"):
        build_cohort("auto", tmp_path)


def test_auto_takes_the_first_that_fits(tmp_path):
    sound(tmp_path)
    cohort = build_cohort("auto", tmp_path)
    assert cohort.notes[0] == "recognised as layout images"
    assert len(cohort) == 20
    with pytest.raises(UsageError, match="name the layout instead of auto"):
        build_cohort("auto", tmp_path, ["patient=x"])
    assert list(BUILDERS)[-2:] == ["images", "slides"]  # the first takes any picture, the second what is left


def test_auto_reports_a_mistake_in_a_folder_that_fits(tmp_path):
    """Before, the error was swallowed and the folder became one of the layout "images"."""
    folder = written(tmp_path / "d", {"patient001/patient001_4d.nii.gz": "x", "patient001/Info.cfg": "ED: 1\nES: 1\n"})
    with pytest.raises(InputError) as named:
        build_cohort("acdc", folder)
    with pytest.raises(InputError) as found:
        build_cohort("auto", folder)
    assert str(found.value) == str(named.value)


def test_auto_takes_a_single_file(tmp_path):
    files = {"m.jsonl": '{"image_path": "a.png"}', "a.png": "x"}
    cohort = build_cohort("auto", written(tmp_path / "d", files) / "m.jsonl")
    assert cohort.notes[0] == "recognised as layout jsonl"


def written(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_names_that_come_again_get_a_number(tmp_path):
    table = "image_path,finding_labels,patient_id\na.png,X,1\na-2.png,X,1\na.png,Y,1\n"
    written(tmp_path, {"l.csv": table, "a.png": "x", "a-2.png": "x"})
    cohort = build_cohort("nih", tmp_path)
    assert [case.id for case in cohort] == ["a", "a-2", "a-3"]
    assert cohort.notes == ("cases whose name occurred before, now numbered: 1",)
    written(tmp_path / "acdc", {"a/p/p_4d.nii": "x", "b/p/p_4d.nii": "x"})
    assert [case.id for case in build_cohort("acdc", tmp_path / "acdc")] == ["p", "p-2"]


ODD = {
    "a mask of frame 0": ("acdc", {"p/p_4d.nii": "x", "p/p_frame00_gt.nii": "x"}, "frames.frame00"),
    "an empty image": ("msd", {"dataset.json": '{"training": [{"image": ""}]}'}, "not an image with a label"),
    "a word in a list": ("msd", {"dataset.json": '{"training": [5]}'}, "not an image with a label"),
    "an infinite label": (
        "rsna-ich",
        {"s.csv": "nifti_path,any\na.nii,inf\n", "a.nii": "x"},
        "the label any is infinite",
    ),
    "no subject": ("bids", {"sub-/anat/sub-_T1w.nii": "x"}, "is not a BIDS folder"),
    "no path": ("chexpert", {"train.csv": "Path,Edema\n,1\n"}, "no image of the tables exists"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_one_line(tmp_path, name):
    layout, files, told = ODD[name]
    with pytest.raises(InputError, match=told) as caught:
        build_cohort(layout, written(tmp_path, files))
    assert "\n" not in str(caught.value)


def test_what_is_odd_but_usable(tmp_path):
    written(tmp_path / "c", {"train.csv": "Path,A,B\nx/p.jpg,nan,1\n", "x/p.jpg": "x"})
    assert build_cohort("chexpert", tmp_path / "c").cases[0].labels == {"B": 1}
    files = {"dataset.json": '{"channel_names": ["t1", "t2"]}', "imagesTr/a_0000.nii": "x", "imagesTr/a_0001.nii": "x"}
    written(tmp_path / "n", files)
    assert list(build_cohort("nnunet", tmp_path / "n").cases[0].images) == ["t1", "t2"]
    files = {
        "dataset.json": '{"training": [{"image": "a.nii"}], "test": "x", "labels": [1], "modality": "MR"}',
        "a.nii": "x",
    }
    assert len(build_cohort("msd", written(tmp_path / "m", files))) == 1


def test_the_choice_of_a_spacing_stands_with_each_case(tmp_path):
    sound(tmp_path)
    for layout in ("images", "auto"):
        cohort = build_cohort(layout, tmp_path, ["spacing_from=pixdim"])
        assert {case.how.spacing_from for case in cohort} == {"pixdim"}
    with_own = build_cohort("images", tmp_path, ["spacing_from=sform", "patient=(.)"])
    assert {case.how.spacing_from for case in with_own} == {"sform"}
    assert all(case.patient for case in with_own)
    assert {case.how.spacing_from for case in build_cohort("images", tmp_path)} == {None}
    with pytest.raises(ConfigError, match="spacing_from: 'qform' was given: input should be 'sform' or 'pixdim'"):
        build_cohort("images", tmp_path, ["spacing_from=qform"])
