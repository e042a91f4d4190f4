import csv
import json

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_erosion

import vesalius
from tasks.evaluate.masks.making import heart, write
from vesalius.errors import InputError, OutputError, UsageError
from vesalius.report.web_page import BANNER
from vesalius.scan.reading import Reading
from vesalius.tasks.evaluate.masks.run import evaluate_masks, lines

CLASSES = {1: "RV", 2: "MYO", 3: "LV"}


@pytest.fixture(scope="module")
def hearts(tmp_path_factory):
    """A cohort of cine phantoms, its manifest, and predictions whose cavities are a little small."""
    home = tmp_path_factory.mktemp("cine")
    vesalius.phantom_cine(home / "hearts", patients=2, seed=5, options=["frames=8", "size=64"])
    vesalius.build_manifest("acdc", home / "hearts", home / "hearts.jsonl")
    for path in sorted((home / "hearts").rglob("*_gt.nii.gz")):
        image = nib.load(path)
        labels = np.asarray(image.dataobj).astype(np.uint8)
        cavity = labels == 3
        labels[cavity & ~binary_erosion(cavity, np.ones((3, 3, 1)))] = 2
        (home / "predicted").mkdir(exist_ok=True)
        name = path.name.replace("_gt", "")
        nib.save(nib.Nifti1Image(labels, image.affine, image.header), home / "predicted" / name)
    return home


def table(folder):
    with (folder / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_cohort_of_phantoms_whole(hearts, tmp_path):
    result = evaluate_masks(hearts / "predicted", hearts / "hearts.jsonl", tmp_path / "out", classes=CLASSES)
    assert result.failed == []
    found = {one.name: one for one in result.results.classes}
    assert found["RV"].dice.mean == 1
    assert found["RV"].hd95_mm.mean == 0
    assert 0.5 < found["LV"].dice.mean < 1
    rows = table(tmp_path / "out")
    assert len(rows) == 2 * 2 * 3
    assert {row["mask"] for row in rows} == {"ED", "ES"}
    for number in (1, 2):
        facts = json.loads((hearts / f"hearts/patient00{number}/truth.json").read_text())["measured"]
        pumped = {one.quantity: one for one in result.results.pumping}
        assert pumped["edv_ml"].reference.values[f"patient00{number}"] == pytest.approx(facts["lv_edv_ml"], rel=1e-4)
        assert pumped["ef_percent"].reference.values[f"patient00{number}"] == pytest.approx(
            100 * facts["lv_ef"], abs=0.01
        )
        assert pumped["edv_ml"].difference.values[f"patient00{number}"] < 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert BANNER in page
    assert str(tmp_path) not in page + (tmp_path / "out" / "summary.json").read_text()
    shown = "\n".join(lines(result))
    assert "EF (%)" in shown
    assert "patient002" in shown


def test_folders_give_the_same_as_a_manifest(hearts, tmp_path):
    one = evaluate_masks(hearts / "predicted", hearts / "hearts.jsonl", tmp_path / "one", lv=3)
    two = evaluate_masks(hearts / "predicted", hearts / "hearts", tmp_path / "two", lv=3)
    assert two.failed == []
    assert two.results.classes == one.results.classes
    (note,) = (line for line in lines(two) if "NAME_gt" in line)
    cines = sum("_gt" not in path.name for path in (hearts / "hearts").rglob("*.nii.gz"))
    assert note.endswith(f": not read, as other files beside it are called NAME_gt ({cines} files in all)")
    assert note.count(".nii.gz") == min(cines, 5)
    assert two.results.pumping == one.results.pumping


def test_what_is_damaged_or_missing_is_listed_and_the_rest_goes_on(hearts, tmp_path):
    folder = tmp_path / "predicted"
    folder.mkdir()
    damaged, _gone, moved, kept = sorted((hearts / "predicted").iterdir())
    data = damaged.read_bytes()
    (folder / damaged.name).write_bytes(data[: len(data) // 2])
    image = nib.load(moved)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[:, ::-1], image.affine), folder / kept.name)
    write(folder / moved.name, heart(4))
    write(folder / "stranger.nii.gz", heart(4))
    with pytest.raises(UsageError, match="no mask could be measured") as error:
        evaluate_masks(folder / moved.name, hearts / "hearts" / "patient002", tmp_path / "none")
    assert "\n" not in str(error.value)
    result = evaluate_masks(folder, hearts / "hearts.jsonl", tmp_path / "out", lv=3)
    told = {one["path"]: one["error"] for one in result.failed}
    assert set(told) == {"patient001 ED", "patient001 ES", "patient002 ED", "stranger"}
    assert told["patient001 ES"] == "patient001 ES: no predicted mask"
    assert told["stranger"] == "stranger: no reference mask"
    assert "voxels, the reference 64x64" in told["patient002 ED"]
    assert result.results.pairs == 1
    assert result.results.pumping == ()
    summary = (tmp_path / "out" / "summary.json").read_text()
    assert set(json.loads(summary)["failures"]) == set(told)
    assert str(tmp_path) not in summary


def test_two_files(tmp_path):
    one, other = write(tmp_path / "mine.nii.gz", heart(4)), write(tmp_path / "theirs.nii.gz", heart(5))
    result = vesalius.evaluate_masks(one, other, tmp_path / "out")
    assert result.results.patients == ("theirs",)
    assert [one.name for one in result.results.classes] == ["1", "2", "3", "mean of classes"]


def test_one_split_of_a_manifest(hearts, tmp_path):
    rows = [json.loads(line) for line in (hearts / "hearts.jsonl").read_text().splitlines()]
    path = hearts / "split.jsonl"
    path.write_text("".join(json.dumps(row | {"split": f"s{n}"}) + "\n" for n, row in enumerate(rows)))
    result = evaluate_masks(hearts / "predicted", path, tmp_path / "out", split="s1")
    assert (result.results.patients, result.failed) == (("patient002",), [])
    with pytest.raises(UsageError, match=r"'test'.*the manifest has s0, s1"):
        evaluate_masks(hearts / "predicted", path, tmp_path / "no", split="test")
    with pytest.raises(UsageError, match="only a manifest knows splits"):
        evaluate_masks(hearts / "predicted", hearts / "hearts", tmp_path / "no", split="test")


def test_empty_masks_agree_on_nothing(tmp_path):
    nothing = np.zeros((4, 4, 2), np.uint8)
    one, other = write(tmp_path / "a.nii", nothing), write(tmp_path / "b.nii", nothing)
    result = evaluate_masks(one, other, tmp_path / "out", lv=3)
    assert (result.results.classes, result.results.pairs) == ((), 1)
    assert lines(result) == [f"open {tmp_path / 'out' / 'report.html'}"]


def test_an_output_that_exists_is_refused_at_once(tmp_path):
    one = write(tmp_path / "a.nii", heart(4))
    evaluate_masks(one, one, tmp_path / "out")
    with pytest.raises(OutputError, match="--force"):
        evaluate_masks(tmp_path / "nowhere", one, tmp_path / "out")
    evaluate_masks(one, one, tmp_path / "out", force=True)
    with pytest.raises(InputError, match="no such file"):
        evaluate_masks(tmp_path / "nowhere", one, tmp_path / "out", force=True)
    assert (tmp_path / "out" / "report.html").exists()


def test_volumes_of_two_spacings_are_told_and_can_be_chosen(tmp_path):
    """The sform says 1 mm, pixdim 1.5 x 1.5 x 8 mm: 18 times the volume."""
    labels = heart(4).astype(np.uint8)
    for name in ("p", "r"):
        image = nib.Nifti1Image(labels, np.diag([-1.0, -1, 1, 1]))
        nib.save(image, tmp_path / f"{name}.nii")
        raw = bytearray((tmp_path / f"{name}.nii").read_bytes())
        raw[80:92] = np.float32([1.5, 1.5, 8]).tobytes()
        (tmp_path / f"{name}.nii").write_bytes(raw)
    found = {}
    for choice in (None, "sform", "pixdim"):
        out = tmp_path / f"out-{choice}"
        reading = Reading(spacing_from=choice)
        result = evaluate_masks(tmp_path / "p.nii", tmp_path / "r.nii", out, reading=reading)
        told = [line for line in lines(result) if "two spacings in the header" in line]
        assert len(told) == (choice is None)
        assert ("two spacings in the header" in (out / "report.html").read_text()) == (choice is None)
        assert (f"--spacing-from {choice}" in (out / "report.html").read_text()) == (choice is not None)
        found[choice] = float(table(out)[0]["reference_ml"])
    label = int(table(tmp_path / "out-None")[0]["label"])
    assert found[None] == found["sform"] == pytest.approx((labels == label).sum() / 1000)
    assert found["pixdim"] == pytest.approx(18 * found["sform"], rel=1e-5)


def test_labels_number_objects_or_classes(tmp_path):
    with pytest.raises(UsageError, match="--objects: labels number either objects or classes"):
        evaluate_masks(tmp_path, tmp_path, tmp_path / "out", objects="nucleus", classes={1: "nucleus"})
