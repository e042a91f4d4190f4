import nibabel as nib
import numpy as np
import pytest

from vesalius.cohort.build import build_cohort
from vesalius.cohort.builders.series import LABELS, is_series_table, labels_of, read_series
from vesalius.csv_table import header
from vesalius.errors import InputError

SIX = ",".join(LABELS)


@pytest.fixture
def table(tmp_path):
    """Writes NIfTI files and a table of lines; returns its path."""

    def make(*lines, files=("a", "b", "c"), encoding="utf-8"):
        for name in files:
            path = tmp_path / f"{name}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4)), path)
        path = tmp_path / "t.csv"
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
        return path

    return make


def test_other_labels_than_those_of_rsna(table):
    path = table(
        "nifti_path,Fracture,tumour,age,note,patient_id,empty",
        "a.nii.gz,1,0.0,1,x,p,",
        "b.nii.gz,,1,70,,q,",
    )
    cohort, bad, _ = read_series(path)
    assert [case.labels for case in cohort] == [{"Fracture": 1, "tumour": 0}, {"tumour": 1}]
    assert cohort.notes == ("columns that hold other values than 0 and 1, not labels: 1 (note)",)
    assert bad == []
    assert build_cohort("rsna-ich", path.parent) == cohort


def test_those_of_rsna_come_first_whatever_the_order_of_the_columns(table):
    path = table("fracture,SUBDURAL,Any,nifti_path", "0,1,1,a.nii.gz", "1,0,0,b.nii.gz")
    cohort, *_ = read_series(path)
    assert cohort.classes == ("any", "subdural", "fracture")
    assert "label columns besides those of RSNA: 1 (fracture)" in cohort.notes


def test_columns_that_are_asked_for_are_labels(table):
    path = table("nifti_path,grade,size", "a.nii.gz,2,0.5")
    assert not read_series(path)[0].classes
    assert read_series(path, classes=("grade",))[0].cases[0].labels == {"grade": 2}
    with pytest.raises(InputError, match="line 2: the label grade is not a number"):
        read_series(table("nifti_path,grade", "a.nii.gz,high"), classes=("grade",))


def test_splits_and_folds(table):
    path = table("nifti_path,any,split,FOLD", "a.nii.gz,1,train,0", "b.nii.gz,0,val,1.0", "c.nii.gz,0,,")
    assert [(case.split, case.fold) for case in read_series(path)[0]] == [("train", 0), ("val", 1), (None, None)]
    for cell in ("x", "-1", "0.5", "inf"):
        with pytest.raises(InputError, match="line 2: the fold is not a whole number"):
            read_series(table("nifti_path,fold", f"a.nii.gz,{cell}"))


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_cells_are_separated_as_in_the_header(table, mark):
    lines = ('"nifti_path"', "any", "patient_id"), ("a.nii.gz", "1", '"Doe"'), ("b.nii.gz", "0", "q")
    path = table(*(mark.join(line) for line in lines), encoding="utf-8-sig")
    assert is_series_table(path)
    assert header(path) == ("nifti_path", "any", "patient_id")
    assert [(case.patient, case.labels) for case in read_series(path)[0]] == [("Doe", {"any": 1}), ("q", {"any": 0})]
    assert len(build_cohort("rsna-ich", path.parent)) == 2


def test_ids_are_free_ones(table):
    names = ("d1/a", "d1/a-2", "d2/a", "d3/a", "d3/a-2")
    path = table("nifti_path", *(f"{name}.nii.gz" for name in names), files=names)
    assert [case.id for case in read_series(path)[0]] == ["a", "a-2", "a-3", "a-4", "a-2-2"]
    hidden = table("nifti_path", "x/.nii.gz", files=("x/",))
    assert [case.id for case in read_series(hidden)[0]] == ["series"]


def test_a_file_that_is_named_twice_is_one_case(table):
    path = table(
        f"nifti_path,{SIX},patient_id",
        "a.nii.gz,1,,,,,1,",
        "b.nii.gz,0,0,0,0,0,0,q",
        "./d/../a.nii.gz,1,0,0,0,0,,p",
        files=("a", "b", "d/x"),
    )
    cohort, *_ = read_series(path)
    assert [case.id for case in cohort] == ["a", "b"]
    assert cohort.cases[0].patient == "p"
    assert cohort.cases[0].labels == dict(zip(LABELS, (1, 0, 0, 0, 0, 1), strict=True))
    assert "rows that name the file of an earlier row, counted once: 1" in cohort.notes


@pytest.mark.parametrize(
    ("head", "one", "other", "message"),
    [
        ("any", "1", "0", r"t.csv: lines 2 and 3 name one file and contradict each other \(label any\); remove one"),
        ("patient_id", "Doe", "Roe", r"\(patient\)"),
        ("split", "train", "test", r"\(split\)"),
    ],
)
def test_rows_that_contradict_each_other(table, head, one, other, message):
    with pytest.raises(InputError, match=message) as told:
        read_series(table(f"nifti_path,{head}", f"a.nii.gz,{one}", f"a.nii.gz,{other}"))
    assert "oe" not in str(told.value).replace("one", "")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("nifti_path,any", "a.nii.gz,inf"), "line 2: the label any is infinite; write 0, 1 or nothing"),
        (("nifti_path,any,ANY", "a.nii.gz,1,1"), "has the column any 2 times"),
        (("nifti_path,patient_id", f"a.nii.gz,{'p' * 600}"), "line 2: a cell or a column has too long a name$"),
    ],
)
def test_what_is_refused(table, lines, message):
    with pytest.raises(InputError, match=message):
        read_series(table(*lines))


def test_a_path_of_any_length_is_one_bad_row(table):
    rows = [f"{'x' * 300}.nii.gz,1", f"{'d/' * 5000}y.nii.gz,1", "a.nii.gz/b.nii.gz,1"]
    cohort, bad, _ = read_series(table("nifti_path,any", *rows, "a.nii.gz,1"))
    assert [one.id for one in bad] == ["line 2", "line 3", "line 4"]
    assert all(one.reason.startswith("nifti_path ") for one in bad)
    assert len(cohort) == 1


def test_any_is_the_highest_of_the_other_five(tmp_path):
    cells = dict(zip(LABELS, ("", "0", "0", "1", "0", "0"), strict=True)) | {"fracture": "0"}
    assert labels_of(cells, "line 2", tmp_path)["any"] == 1
    assert "any" not in labels_of({**cells, "epidural": "NaN"}, "line 2", tmp_path)
