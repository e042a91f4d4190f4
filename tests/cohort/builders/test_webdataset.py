"""Shards of other origin, in the convention of the webdataset library; our own are in tests/cohort/test_shard.py."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from cohort.tars import write
from vesalius.cohort.build import build_cohort
from vesalius.cohort.manifest import read_manifest, read_manifests, write_manifest
from vesalius.cohort.read import open_image, open_mask
from vesalius.errors import InputError


def picture(seed, kind="png", size=(6, 5)):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, size).astype(np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def array(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def test_pictures_with_classes(tmp_path):
    for name, numbers in (("train-000000", (0, 1)), ("train-000001", (2,)), ("valid-000000", (1,))):
        members = [
            (f"{name}/{n}.{end}", data)
            for n in numbers
            for end, data in (("jpg", picture(n, "jpeg")), ("cls", b"%d" % n))
        ]
        write(tmp_path / f"{name}.tar", members)
    cohort = build_cohort("webdataset", tmp_path)
    assert [(case.id, case.split) for case in cohort] == [
        ("train-000000/0", "train"),
        ("train-000000/1", "train"),
        ("train-000001/2", "train"),
        ("valid-000000/1", "val"),
    ]
    assert cohort.cases[2].labels == {"class0": 0, "class1": 0, "class2": 1}
    expected = np.asarray(Image.open(io.BytesIO(picture(2, "jpeg"))))
    np.testing.assert_array_equal(open_image(cohort, cohort.cases[2], "image").stored()[0, 0, :, :, 0].T, expected)


def test_two_classes_are_one_label(tmp_path):
    write(
        tmp_path / "x.tar",
        [(f"{n}.{end}", data) for n in range(2) for end, data in (("png", picture(n)), ("cls", b"%d" % n))],
    )
    assert [case.labels for case in read_manifest(tmp_path / "x.tar")] == [{"positive": 0}, {"positive": 1}]


def test_arrays_masks_texts_and_json(tmp_path):
    colours = np.arange(90, dtype=np.uint8).reshape(6, 5, 3)
    stated = {"patient_id": 7, "fold": 1, "labels": {"edema": 1, "mass": None}, "age": 61, "list": [1], "split": "test"}
    write(
        tmp_path / "train-0.tar",
        [
            ("k.npy", array(colours)),
            ("k.mask.png", picture(3)),
            ("k.json", json.dumps(stated).encode()),
            ("k.txt", "opacité".encode()),
            ("text.txt", b"no image"),
            ("README", b"no extension"),
        ],
    )
    cohort = build_cohort("auto", tmp_path)
    (case,) = cohort
    assert (case.patient, case.fold, case.split, case.caption) == ("7", 1, "test", "opacité")
    assert (case.labels, case.facts) == ({"edema": 1}, {"age": 61})
    assert cohort.notes == ("recognised as layout webdataset", "keys without an image, left out: 1 (text)")
    scan = open_image(cohort, case, "image")
    assert scan.colour == "rgb"
    np.testing.assert_array_equal(scan.stored()[:, 0, :, :, 0].transpose(2, 1, 0), colours)
    assert open_mask(cohort, case, "mask").shape == (1, 1, 5, 6, 1)


def test_several_images_are_named_by_their_extensions(tmp_path):
    write(tmp_path / "x.tar", [("k.t1.npy", array(np.ones((2, 2)))), ("k.T2.npy", array(np.zeros((2, 2))))])
    assert set(read_manifest(tmp_path).cases[0].images) == {"t1", "T2"}


def test_a_manifest_of_shards_is_an_index(tmp_path):
    write(tmp_path / "a-0.tar", [("k.png", picture(0))])
    write(tmp_path / "b-0.tar", [("l.png", picture(1))])
    both = read_manifests([tmp_path / "a-0.tar", tmp_path / "b-0.tar"])
    assert [case.id for case in both] == ["k", "l"]
    (tmp_path / "far").mkdir()
    path = write_manifest(both, tmp_path / "far" / "m.jsonl")
    cohort = read_manifest(path)
    assert cohort.cases[0].images == {"image": "../a-0.tar#k.png"}
    assert open_image(cohort, cohort.cases[1], "image").shape == (1, 1, 5, 6, 1)


def test_classes_of_several_shards_are_named_together(tmp_path):
    """One alone may hold a single class, and keys of another one."""
    paths = [tmp_path / f"train-{number}.tar" for number in range(2)]
    for number, path in enumerate(paths):
        fields = json.dumps({"split": "valid"}).encode()
        write(path, [("k.png", picture(number)), ("k.cls", b"%d" % number), ("k.json", fields)])
    cases = list(read_manifests(paths))
    assert [case.labels for case in cases] == [{"positive": 0}, {"positive": 1}]
    assert [case.id for case in cases] == ["train-0/k", "train-1/k"]
    assert {case.split for case in cases} == {"val"}
    assert [read_manifest(path).cases[0].labels["positive"] for path in paths] == [0, 1]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("k.png", b""), ("k.cls", b"cat")], r"x\.tar#k\.cls: is not the number of a class"),
        ([("k.png", b""), ("k.json", b"[1]")], r"x\.tar#k\.json: holds no fields of a case: is not a JSON object"),
        ([("k.png", b""), ("k.json", b'{"labels": 3}')], r"x\.tar#k\.json: .*labels: is not a table of classes"),
        ([("k.png", b""), ("k.json", b'{"id": "k", "images": {"a": 1}}')], r"images: is not a table of members"),
        ([("k.png", b""), ("k.json", b'{"id": "k", "images": {"a": "png"}, "nonsense": 1}')], "nonsense"),
        ([("k.png", b""), ("k.txt", b"\xff\xfe\xfd")], r"x\.tar#k\.txt: is not UTF-8 text"),
        ([("k.txt", b"")], "is not a WebDataset folder: no key has an image"),
        ([("README", b"")], "is not a WebDataset folder: no tar file with members KEY.EXT"),
    ],
)
def test_what_is_no_sample_is_one_line(tmp_path, members, message):
    write(tmp_path / "x.tar", members)
    with pytest.raises(InputError, match=message) as error:
        read_manifest(tmp_path / "x.tar")
    assert "\n" not in str(error.value)


def test_a_damaged_member_is_named(tmp_path):
    write(tmp_path / "x.tar", [("k.png", picture(0)[:40]), ("l.npy", b"no array")])
    cohort = read_manifest(tmp_path / "x.tar")
    for case, name in zip(cohort, ("k.png", "l.npy"), strict=True):
        with pytest.raises(InputError, match=rf"x\.tar#{name}: "):
            open_image(cohort, case, "image")
