import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.cohort.case import Box, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import moved, read_lines, read_manifest, read_manifests, write_manifest
from vesalius.errors import InputError, OutputError, UsageError
from vesalius.scan.reading import Reading

FULL = Case(
    id="a",
    patient="Zoë",
    study="s",
    series="1.2",
    fourth_axis="channel",
    images={"t1": "x/t1.nii.gz", "flair": "x/flair.nii.gz"},
    masks={"ED": "x/ed.nii.gz"},
    frames={"ED": 0},
    reading=Reading(orientation="axial", assume_rescale=(1.0, -1024.0)),
    labels={"any": 1, "epidural": 0.25},
    caption='a "quoted", long\ncaption',
    boxes=(Box(label="disc", left=0, top=0.5, right=0.25, bottom=1),),
    facts={"age": 61, "sex": "F", "smoker": False, "code": "007", "height": 1.8},
    split="train",
    fold=3,
)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_everything_comes_back(tmp_path, suffix):
    cohort = Cohort(
        (FULL, Case(id="b", images={"image": "b.png"}, masks={"mask": "m.png"}, labels={"any": 0})), tmp_path
    )
    path = write_manifest(cohort, tmp_path / f"m{suffix}")
    assert read_manifest(path) == cohort
    with pytest.raises(OutputError, match="exists already"):
        write_manifest(cohort, path)


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=9).filter(
    lambda name: name.strip()
)
CASES = st.builds(
    lambda **values: Case.parse({key: value for key, value in values.items() if value is not None}),
    id=NAMES,
    images=st.dictionaries(NAMES, NAMES, min_size=1, max_size=3),
    patient=st.none() | NAMES,
    masks=st.dictionaries(NAMES, NAMES, max_size=2),
    labels=st.dictionaries(NAMES, st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    facts=st.dictionaries(
        NAMES, st.integers(-(2**53), 2**53) | st.booleans() | st.text("abc,\"'é ", min_size=1), max_size=3
    ),
    caption=st.none() | st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1),
    fold=st.none() | st.integers(0, 9),
)


@given(st.lists(CASES, min_size=1, max_size=4, unique_by=lambda case: case.id), st.sampled_from([".jsonl", ".csv"]))
def test_any_case_comes_back(tmp_path_factory, cases, suffix):
    folder = tmp_path_factory.mktemp("m")
    cohort = Cohort(tuple(cases), folder)
    assert read_manifest(write_manifest(cohort, folder / f"m{suffix}")) == cohort


def test_every_bad_line_is_told_with_its_number_and_reason(tmp_path):
    path = tmp_path / "m.jsonl"
    good = {"id": "a", "images": {"image": "a.png"}}
    lines = [
        json.dumps(good),
        json.dumps({**good, "id": "b", "patiant": "p"}),
        "",
        "{not json",
        "[1]",
        json.dumps(good),
        json.dumps({"id": "c"}),
        json.dumps({**good, "id": "d", "labels": {"any": "often"}}),
        json.dumps({**good, "id": "e", "frames": {"ED": -1}}),
        json.dumps({**good, "id": "f", "images": {}}),
    ]
    path.write_text("\n".join(lines))
    cohort, bad = read_lines(path)
    assert [case.id for case in cohort] == ["a"]
    told = {one.number: one.reason for one in bad}
    assert sorted(told) == [2, 4, 5, 6, 7, 8, 9, 10]
    assert told[2] == "patiant: no such key; did you mean 'patient'?"
    assert told[4] == "is not valid JSON"
    assert told[5] == "is not a JSON object"
    assert told[6] == "id: the id of line 1 again"
    assert told[7] == "images: is required and missing"
    assert told[8].startswith("labels.any: 'often' was given")
    assert told[9].startswith("frames.ED: -1 was given")
    assert told[10].startswith("images: {} was given")
    assert not any("\n" in reason for reason in told.values())
    with pytest.raises(InputError, match=r"8 bad line\(s\): line 2: patiant.*and 3 more; correct these lines"):
        read_manifest(path)


def test_bad_rows_of_a_table(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("id,image,lable:any\na,a.png,1\n")
    _, (bad,) = read_lines(path)
    assert str(bad) == "line 2: lable:any: no such column; did you mean 'label:any'?"
    path.write_text("id,image,label:any,boxes\na,a.png,1,\nb,b.png,1,,,\nc,,1,\nd,d.png,yes,\ne,e.png,,{\n")
    cohort, bad = read_lines(path)
    assert [case.id for case in cohort] == ["a"]
    assert [one.number for one in bad] == [3, 4, 5, 6]
    assert bad[0].reason == "has more cells than the table has columns"
    assert bad[1].reason == "images: is required and missing"
    assert "label" in bad[2].reason
    assert bad[3].reason == "boxes: is not valid JSON"


@pytest.mark.parametrize(
    "content",
    [
        "ID;Patient;IMAGE;Mask:ED;LABEL:Any;fold\r\n a ;p;d\\a.png; d/m.png ;0,25;2\r\n;;;;;\r\n\r\n",
        "sep=\t\nid\timage\tPATIENT\tmask:ED\tlabel:Any\tFold\na\td/a.png\tp\td\\m.png\t.25\t2\n",
        '"Id","fold","image:image","patient","mask:ED","label:Any"\n"a","2","d/a.png","p","d/m.png","0.25"\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_as_spreadsheets_write_them(tmp_path, content, encoding):
    (tmp_path / "d").mkdir()
    for name in ("a.png", "m.png"):
        (tmp_path / "d" / name).touch()
    path = tmp_path / "m.csv"
    path.write_bytes(content.encode(encoding))
    cohort = read_manifest(path)
    assert cohort.cases == (
        Case(
            id="a",
            patient="p",
            images={"image": "d/a.png"},
            masks={"ED": "d/m.png"},
            labels={"Any": 0.25},
            fold=2,
        ),
    )


def test_paths_with_backslashes_are_told_and_read_in_json_too(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.png").touch()
    path = tmp_path / "m.jsonl"
    rows = [{"id": name, "images": {"image": f"d\\{name}.png"}} for name in ("a", "gone")]
    path.write_text("\n".join(map(json.dumps, rows)))
    cohort = read_manifest(path)
    assert [case.images["image"] for case in cohort] == ["d/a.png", "d\\gone.png"]
    assert cohort.notes == ("paths that exist only with slashes, read so: 1 (a)",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,ID,image\na,b,c\n", "has the column id 2 times; leave one of them"),
        ("id,image,image:image\na,b,c\n", "has the column image 2 times"),
        ("id;image;label:any\na;b;1,234\n", r"line 2: labels\.any: '1,234' was given"),
        ("id;image;\na;b;c\n", "line 2: has a cell in a column without a name"),
        ('"id,image"\n"a,b"\n', "each line is one cell in quotes"),
    ],
)
def test_tables_that_do_not_say_one_thing_are_refused(tmp_path, content, message):
    path = tmp_path / "m.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_manifest(path)


def test_a_key_that_is_there_twice(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"id": "a", "images": {"image": "a.png", "image": "b.png"}}\n')
    with pytest.raises(InputError, match="line 1: image: is given twice"):
        read_manifest(path)


def test_a_table_of_series_is_a_manifest(tmp_path):
    (tmp_path / "v.nii").touch()
    (tmp_path / "w.nii").touch()
    path = tmp_path / "series.csv"
    path.write_text("Nifti_Path;any;patient_id\nv.nii;1;p\n\nw.nii;0;q\nx.nii;0;q\n")
    cohort, bad = read_lines(path)
    assert [(case.id, case.patient, case.labels) for case in cohort] == [("v", "p", {"any": 1}), ("w", "q", {"any": 0})]
    assert [str(one) for one in bad] == ["line 5: nifti_path leads to no file"]
    path.write_text("nifti_path,any\nw.nii,1\n")
    write_manifest(Cohort((Case(id="other", images={"image": "v.nii"}),), tmp_path), tmp_path / "m.csv")
    assert [case.id for case in read_manifests([tmp_path / "m.csv", path])] == ["other", "w"]


def test_cells_are_no_formulas(tmp_path):
    case = Case(
        id="=cmd|' /C calc'!A0",
        patient="+1",
        study="-x",
        images={"image": "@a.png"},
        labels={"any": -0.5},
        caption="=1+1",
        facts={"age": -3},
    )
    path = write_manifest(Cohort((case,), tmp_path), tmp_path / "m.csv")
    cells = path.read_text().splitlines()[1].split(",")
    assert cells == ["'=cmd|' /C calc'!A0", "+1", "'-x", "'=1+1", "'@a.png", "-0.5", "-3"]
    assert read_manifest(path).cases == (case,)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match="ends in"):
        read_manifest(tmp_path / "m.txt")
    with pytest.raises(InputError, match="No such file"):
        read_manifest(tmp_path / "m.jsonl")
    (tmp_path / "m.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        read_manifest(tmp_path / "m.jsonl")
    (tmp_path / "e.csv").write_text("id,image\n")
    with pytest.raises(InputError, match="holds no case"):
        read_manifest(tmp_path / "e.csv")


def test_paths_start_from_the_manifest(tmp_path):
    cohort = Cohort((Case(id="a", images={"image": "d/a.npz#x/3"}, masks={"mask": "/far/m.nii"}),), tmp_path / "data")
    path = write_manifest(cohort, tmp_path / "out" / "m.jsonl")
    back = read_manifest(path)
    assert back.cases[0].images == {"image": "../data/d/a.npz#x/3"}
    assert back.cases[0].masks == {"mask": "/far/m.nii"}
    assert back.path(back.cases[0].images["image"]).resolve() == tmp_path / "data" / "d" / "a.npz"
    assert moved(back, tmp_path / "data").cases[0].images == {"image": "d/a.npz#x/3"}


def test_several_manifests_are_one_cohort(tmp_path):
    for folder, name in (("one", "a"), ("two", "b")):
        (tmp_path / folder).mkdir()
        cohort = Cohort((Case(id=name, images={"image": f"{name}.nii"}),), tmp_path / folder)
        write_manifest(cohort, tmp_path / folder / "m.jsonl")
    both = read_manifests([tmp_path / "one" / "m.jsonl", tmp_path / "two" / "m.jsonl"])
    assert [case.id for case in both] == ["a", "b"]
    assert [both.path(case.images["image"]).resolve() for case in both] == [
        tmp_path / "one" / "a.nii",
        tmp_path / "two" / "b.nii",
    ]
    with pytest.raises(InputError, match="case a is in two manifests"):
        read_manifests([tmp_path / "one" / "m.jsonl"] * 2)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_choices_of_reading_come_back(tmp_path, suffix):
    choices = (Reading(spacing_from="pixdim"), Reading(assume_rescale=(1.0, -1024.0), orientation="axial"), Reading())
    cases = [Case(id=str(n), images={"image": f"{n}.nii"}, reading=one) for n, one in enumerate(choices)]
    path = write_manifest(Cohort(tuple(cases), tmp_path), tmp_path / f"m{suffix}")
    assert [case.reading for case in read_manifest(path)] == list(choices)
    assert "spacing_from" in path.read_text()


def test_unknown_choices_of_reading_are_one_line(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(
        "id,image,reading:spacing_from,reading:spacing,reading:assume_rescale\na,a,qform,,\nb,b,,1,\nc,c,,,[1\n"
    )
    _, bad = read_lines(path)
    assert [one.number for one in bad] == [2, 3, 4]
    reasons = [one.reason for one in bad]
    assert reasons[0] == "reading.spacing_from: 'qform' was given: input should be 'sform' or 'pixdim'"
    assert reasons[1].startswith("reading.spacing: ")
    assert reasons[2].startswith("reading.assume_rescale: '[1' was given: input should be a valid tuple")


def test_a_folder_of_scans_is_a_manifest_too(tmp_path):
    for name in ("a", "b"):
        place = tmp_path / "scans" / name
        place.mkdir(parents=True)
        for word in ("t1", "flair"):
            (place / f"{name}_{word}.nii.gz").write_bytes(b"")
    cohort = read_manifests([tmp_path / "scans"])
    assert [(case.id, sorted(case.images)) for case in cohort] == [("a", ["flair", "t1"]), ("b", ["flair", "t1"])]
    assert "recognised as layout brats" in cohort.notes
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        read_manifests([tmp_path / "empty"])
    with pytest.raises(InputError, match="gone: there is no such manifest or folder; name one that exists"):
        read_manifests([tmp_path / "gone"])
