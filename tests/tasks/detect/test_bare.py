import numpy as np
import pytest

from vesalius.cohort.item import ArrayItem, split_item
from vesalius.errors import InputError, UsageError, VesaliusError
from vesalius.tasks.detect.bare import read_bare
from vesalius.tasks.detect.config import DetectData

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
Y = np.array([[0, 1], [1, np.nan], [0, 0], [0, 0], [1, 1], [0, 0]])


@pytest.fixture
def data(tmp_path):
    """Makes a configuration of files: array or text by key."""

    def make(**files):
        paths = {}
        for key, value in {"embeddings": X, "labels": Y, **files}.items():
            if key == "classes":
                continue
            is_text = isinstance(value, str)
            paths[key] = tmp_path / f"{key}{('.csv' if key == 'labels' else '.txt') if is_text else '.npy'}"
            paths[key].write_text(value) if is_text else np.save(paths[key], value)
        return DetectData.parse({**paths, "classes": files.get("classes", ())})

    return make


def test_a_row_each(data):
    cohort, vectors, classes = read_bare(data())
    assert [case.id for case in cohort] == [f"row-{n:07d}" for n in range(6)]
    assert cohort.cases[1].labels == {"class 1": 1.0}
    np.testing.assert_array_equal(vectors.rows_ND, X)
    assert vectors.of_case["row-0000004"].tolist() == [4]
    assert split_item(cohort.cases[4].images["image"]) == ("embeddings.npy", ArrayItem("", 4))
    assert "each row counts as a separate patient" in cohort.notes[0]
    assert vectors.labels_NC is None
    assert classes == ("class 1", "class 2")


def test_studies_patients_splits(data):
    given = data(
        studies="a\na\nb\nb\nc\nc\n",
        patients=np.array([7, 7, 7, 7, 8, 8]),
        splits=np.array(["train"] * 4 + ["test"] * 2),
        classes=["any", "sub"],
    )
    cohort, vectors, classes = read_bare(given)
    assert [(case.id, case.study, case.patient, case.split) for case in cohort] == [
        ("a", "a", "7", "train"),
        ("b", "b", "7", "train"),
        ("c", "c", "8", "test"),
    ]
    assert [case.labels for case in cohort] == [{"any": 1, "sub": 1}, {"any": 0, "sub": 0}, {"any": 1, "sub": 1}]
    assert vectors.items_N.tolist() == [0, 1] * 3
    np.testing.assert_array_equal(vectors.labels_NC, Y)
    assert cohort.notes == ()
    assert classes == ("any", "sub")
    assert cohort.cases[0].images == {"1": "embeddings.npy#/0", "2": "embeddings.npy#/1"}


def test_labels_of_studies_from_a_table(data):
    cohort, vectors, classes = read_bare(
        data(studies="a\na\na\nb\nb\nc", labels="any,sub\n1,\n0,0\n0,1\n", classes=["sub"])
    )
    assert [case.labels for case in cohort] == [{}, {"sub": 0}, {"sub": 1}]
    assert vectors.labels_NC is None
    assert classes == ("sub",)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_tables_with_other_separators(data, mark):
    lines = [("any", "sub"), *[("1", ""), ("0", "1")] * 3]
    cohort, _, classes = read_bare(data(labels="\n".join(mark.join(line) for line in lines)))
    assert classes == ("any", "sub")
    assert [case.labels for case in cohort] == [{"any": 1}, {"any": 0, "sub": 1}] * 3


def test_an_empty_line_of_one_column_says_nothing(data):
    cohort, *_ = read_bare(data(labels="any\n1\n\n0\n\n1\n0\n"))
    assert [case.labels.get("any") for case in cohort] == [1, None, 0, None, 1, 0]


@pytest.mark.parametrize(
    ("files", "kind", "message"),
    [
        ({"embeddings": X[0]}, InputError, r"shape \(4,\), not floating"),
        ({"embeddings": X * np.nan}, InputError, "NaN or infinite"),
        ({"labels": Y[:4]}, UsageError, "4 lines of labels for 6 embeddings of 6 studies"),
        ({"labels": Y * 3}, UsageError, "other labels than 0 and 1: class 1 is 3 for one, 2 lines in all"),
        ({"labels": np.where(Y == 1, 0.5, Y)}, UsageError, r"class 1 is 0\.5 for one, 2 lines"),
        ({"labels": np.where(Y == 1, np.inf, Y)}, UsageError, "class 1 is inf"),
        ({"labels": -Y}, UsageError, "class 1 is -1"),
        ({"labels": "any;sub\n" + "1;1e300\n" * 6}, UsageError, "sub is 1e\\+300"),
        ({"labels": "any,sub,any\n" + "1,0,1\n" * 6}, InputError, "the column any 2 times"),
        ({"labels": "any,\n" + "1,0\n" * 6}, InputError, "a column without a name"),
        ({"labels": "any,sub\n1,x\n"}, InputError, "not a readable table"),
        ({"labels": "any,sub\n" + "1,0\n" * 6, "classes": ["epi"]}, UsageError, "no column epi"),
        ({"classes": ["any"]}, UsageError, "holds 2 labels, data.classes names 1"),
        ({"patients": "a\nb\n"}, UsageError, "2 names, perhaps empty ones, for 6"),
        ({"patients": np.zeros((6, 2), int)}, InputError, "not names or whole numbers"),
        ({"studies": "a\na\nb\nb\nc\nc", "patients": "p\nq\np\np\np\np"}, UsageError, "different things"),
    ],
)
def test_files_that_do_not_fit(data, files, kind, message):
    with pytest.raises(kind, match=message):
        read_bare(data(**files))


def test_what_is_no_array(data, tmp_path):
    given = data()
    np.save(tmp_path / "embeddings.npy", np.array([{}, {}], object), allow_pickle=True)
    with pytest.raises(VesaliusError, match=r"not (a )?readable"):
        read_bare(given)


@pytest.mark.parametrize("key", ["embeddings", "labels", "patients"])
@pytest.mark.parametrize("suffix", [".npy", ".csv"])
def test_files_that_are_not_there(data, tmp_path, key, suffix):
    given = data().model_copy(update={key: tmp_path / f"none{suffix}"})
    with pytest.raises(InputError, match=r"none.*: does not exist$"):
        read_bare(given)


def test_a_file_for_each_split(tmp_path):
    (tmp_path / "other").mkdir()
    rows = {"train": slice(0, 3), "val": slice(3, 5), "test": slice(5, 6)}
    given = {}
    for part, some in rows.items():
        folder = tmp_path / "other" if part == "val" else tmp_path
        for kind, array in (("embeddings", X), ("labels", Y)):
            given[f"{part}_{kind}"] = folder / f"{part}-{kind}.npy"
            np.save(given[f"{part}_{kind}"], array[some])
        (folder / f"{part}-labels.txt").write_text("any\nsub\n\n")
    cohort, vectors, classes = read_bare(DetectData.parse(given))
    assert classes == ("any", "sub")
    assert cohort.splits == {"train": 3, "val": 2, "test": 1}
    np.testing.assert_array_equal(vectors.rows_ND, X)
    second = cohort.cases[4]
    assert (second.id, second.labels) == ("val-row-0000001", {"any": 1, "sub": 1})
    assert vectors.of_case[second.id].tolist() == [4]
    assert split_item(second.images["image"]) == ("other/val-embeddings.npy", ArrayItem("", 1))
    assert "each row counts as a separate patient" in cohort.notes[0]
    (tmp_path / "other" / "val-labels.txt").write_text("any\nsubdural\n")
    with pytest.raises(UsageError, match=r"has the labels any, subdural, .*train-labels.npy has any, sub"):
        read_bare(DetectData.parse(given))
    (tmp_path / "other" / "val-labels.txt").write_text("any\n")
    with pytest.raises(UsageError, match=r"holds 2 labels, val-labels.txt names 1"):
        read_bare(DetectData.parse(given))
    del given["test_labels"]
    with pytest.raises(VesaliusError, match="test_labels is missing"):
        DetectData.parse(given)
    with pytest.raises(VesaliusError, match="give embeddings or train_embeddings, not both"):
        DetectData.parse({**given, "embeddings": "x.npy"})
