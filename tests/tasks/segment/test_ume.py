"""UME in the job: its loss, missing images, regions, time as the frames, and the start from an encoder."""

import numpy as np
import pytest
import torch

import vesalius.nets.dealt as dealt
from tasks.segment.small import AFFINE, SHAPE, blob, settings
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.errors import ConfigError, InputError, UsageError
from vesalius.nets.ume import UME
from vesalius.phantom.nifti import write_nifti
from vesalius.scan.open import open_scan
from vesalius.tasks.job import InitConfig
from vesalius.tasks.segment.config import SegmentConfig
from vesalius.tasks.segment.outcome import measure
from vesalius.tasks.segment.segmenter import Segmenter, decided, of_classes
from vesalius.tasks.segment.task import SegmentTask
from vesalius.tasks.train.start import Start
from vesalius.training.loop import Loop
from vesalius.training.record import read_record
from vesalius.weights.saved import ModelConfig, save_pretrained

NET = {
    "name": "ume-segmenter",
    "encoder": {"name": "ume", "inputs": 2, "size": "micro", "patch": 4, "picture": 16, "max_keyframes": 3},
    "outputs": 3,
    "channels": 8,
}


def two_images(folder):
    """Cases with t1 and its negative t2; the third training case lacks t2, the last test case t1."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for number, split in enumerate(("train",) * 4 + ("val", "test")):
        image, labels = blob(number)
        for name, array in (("t1", image), ("t2", -image), ("seg", labels)):
            write_nifti(folder / f"c{number}_{name}.nii.gz", array[None], AFFINE)
        names = {2: ["t1"], 5: ["t2"]}.get(number, ["t1", "t2"])
        images = {name: f"c{number}_{name}.nii.gz" for name in names}
        masks = {"mask": f"c{number}_seg.nii.gz"}
        cases.append(Case(id=f"c{number}", images=images, masks=masks, patient=f"p{number}", split=split))
    return write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl", force=True)


def make_task(table):
    config = SegmentConfig.parse(table)
    return SegmentTask(config, config.data.splits(read_manifest(config.data.manifest[0]), 0))


def export(task, folder):
    folder.mkdir()
    task.export(folder)


def table_of(manifest, **changes):
    whole = {
        "data__images": ["t1", "t2"],
        "data__allow_missing": True,
        "patch": [16, 16, 6],
        "batch": 4,
        "repeats": 4,
        "net": NET,
        "loss": {"name": "ume"},
        "train": {"epochs": 10, "optimizer": {"lr": 0.01}, "best": None, "log_every": 1, "validate_every": 10},
    }
    return settings(manifest, **(whole | changes))


def test_learns_and_predicts_with_a_missing_image(tmp_path):
    manifest = two_images(tmp_path / "data")
    task = make_task(table_of(manifest))
    batch = next(task.batches(0, 0, 0, 1))
    empty = batch["image"].isnan().flatten(2).all(2)
    assert empty.any()
    assert torch.equal(empty, batch["image"].isnan().flatten(2).any(2))
    result = Loop(task, task.config.train, None, cpu=True).run()
    assert result.measures["dice"] > 0.5
    export(task, tmp_path / "model")
    segmenter = Segmenter.from_pretrained(tmp_path / "model")
    scans = {name: open_scan(tmp_path / f"data/c4_{name}.nii.gz") for name in ("t1", "t2")}
    whole = segmenter(scans).stored()
    one = segmenter({"t2": scans["t2"]}).stored()
    assert whole.shape == one.shape == (1, 1, *SHAPE)
    assert (segmenter.probabilities(scans) != segmenter.probabilities({"t2": scans["t2"]})).any()
    with pytest.raises(InputError, match="name at least one image"):
        segmenter({"flair": scans["t1"]})


def test_the_last_case_is_measured_without_its_first_image(tmp_path):
    task = make_task(table_of(two_images(tmp_path / "data")))
    task.modules = task.build()
    export(task, tmp_path / "model")
    cohort = read_manifest(tmp_path / "data/m.jsonl")
    last = Cohort(tuple(cohort)[-1:], cohort.root)
    ((case, unit),) = measure(Segmenter.from_pretrained(tmp_path / "model"), last, ("t1", "t2"))
    assert case.id == "c5"
    assert len(unit.rows) == 2


def test_terms_are_logged(tmp_path):
    task = make_task(table_of(two_images(tmp_path / "data")))
    task.modules = task.build()
    losses, logs = task.training_step(next(task.batches(0, 0, 0, 1)), 0)
    assert set(logs) == {"seg", "div", "consistency", "temporal"}
    assert losses["net"].requires_grad


def test_processes_draw_what_one_process_draws(tmp_path, monkeypatch):
    """Keyframes and hidden images of a scan are those of its place in the whole batch; so losses average to one."""
    encoder = NET["encoder"] | {"keyframes": "fused", "drop_modality": 0.4}
    task = make_task(table_of(two_images(tmp_path / "data"), net=NET | {"encoder": encoder}))
    task.modules = task.build()

    def step(rank, processes):
        monkeypatch.setattr(dealt, "place_among", lambda: (rank, processes))
        torch.manual_seed(5)
        losses, logs = task.training_step(next(task.batches(0, 0, rank, processes)), 0)
        return {"loss": losses["net"].detach(), **logs}

    whole, halves = step(0, 1), [step(rank, 2) for rank in range(2)]
    for name, value in whole.items():
        assert torch.stack([half[name] for half in halves]).mean().item() == pytest.approx(value.item(), rel=1e-5), name
    assert step(0, 1) == whole
    torch.manual_seed(6)
    assert task.training_step(next(task.batches(0, 0, 0, 1)), 0)[0]["net"] != whole["loss"]


def test_resumed_equals_unbroken(tmp_path):
    """With draws of keyframes and hidden images, and a stop within an epoch."""
    table = table_of(two_images(tmp_path / "data"), net=NET | {"encoder": NET["encoder"] | {"drop_modality": 0.4}})
    table["train"] |= {"epochs": 2, "checkpoint_every": 1}

    def run(name, **given):
        task = make_task(table)
        Loop(task, task.config.train, tmp_path / name, cpu=True).run(**given)
        return [{key: value for key, value in row.items() if key != "seconds"} for row in read_record(tmp_path / name)]

    def stop(row):
        if row["step"] == 3:
            raise KeyboardInterrupt

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("broken", watch=stop)
    assert run("broken", resume=True) == whole
    assert sum(row["kind"] == "train" for row in whole) == 8


REGIONS = {"whole": ["bright", "dark"], "core": ["dark"]}


def test_regions_as_outputs(tmp_path):
    changes = {"loss": {"name": "ume", "segmentation": {"name": "dice_bce"}, "consistency": 0}, "regions": REGIONS}
    task = make_task(table_of(two_images(tmp_path / "data"), net=NET | {"outputs": 2}, **changes))
    assert Loop(task, task.config.train, None, cpu=True).run().measures["dice"] > 0.5
    export(task, tmp_path / "model")
    segmenter = Segmenter.from_pretrained(tmp_path / "model")
    assert segmenter.settings.steps == (1, 2)
    scans = {name: open_scan(tmp_path / f"data/c4_{name}.nii.gz") for name in ("t1", "t2")}
    assert set(np.unique(segmenter(scans).stored())) <= {0, 4, 7}
    assert np.allclose(segmenter.probabilities(scans).sum(0), 1, atol=1e-5)


def test_classes_of_regions():
    p_BR = torch.tensor([[0.9, 0.7, 0.8], [0.9, 0.4, 0.1], [0.3, 0.9, 0.9]])
    p_BN = of_classes(p_BR, (3, 1, 2))
    assert torch.allclose(p_BN.sum(1), torch.ones(3))
    assert torch.allclose(p_BN[0], torch.tensor([0.1, 0.0, 0.7, 0.2]), atol=1e-6)  # the third region is at most 0.7
    assert decided(p_BN.T.numpy(), (3, 1, 2)).tolist() == [2, 3, 0]


def cines(folder):
    """Cines of a ball that shrinks; ED and ES are labelled."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    grid = np.stack(np.meshgrid(*map(np.arange, (16, 16)), indexing="ij"), -1)
    for number, split in enumerate(("train",) * 4 + ("val", "test")):
        draw = np.random.default_rng(number)
        middle = 8 + draw.integers(-1, 2, 2)
        frames = [((grid - middle) ** 2).sum(-1) < radius**2 for radius in (5, 4, 3, 4, 5)]
        stack = np.repeat(np.stack(frames)[..., None], 3, -1)
        image = 60.0 * stack + draw.normal(0, 5, stack.shape)
        write_nifti(folder / f"c{number}.nii.gz", image.astype(np.float32), AFFINE)
        for name, t in (("ED", 0), ("ES", 2)):
            write_nifti(folder / f"c{number}_{name}.nii.gz", 4 * stack[t][None].astype(np.uint8), AFFINE)
        case = Case(
            id=f"c{number}",
            images={"image": f"c{number}.nii.gz"},
            masks={name: f"c{number}_{name}.nii.gz" for name in ("ED", "ES")},
            frames={"ED": 0, "ES": 2},
            patient=f"p{number}",
            split=split,
        )
        cases.append(case)
    return write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl", force=True)


OVER_TIME = {
    "data__images": ["image"],
    "data__allow_missing": False,
    "data__masks": ["ED", "ES"],
    "data__third": "time",
    "data__labels": {"cavity": [4]},
    "prepare": {"layout": "CTIJK", "values": [{"name": "zscore"}]},
    "patch": [16, 16, 5],
    "cavity": "cavity",
    "loss": {"name": "ume", "consistency": 0},
    "net": NET | {"encoder": NET["encoder"] | {"inputs": 1}, "outputs": 2},
}


def test_time_as_the_frames(tmp_path):
    task = make_task(table_of(cines(tmp_path / "data"), **OVER_TIME))
    batch = next(task.batches(0, 0, 0, 1))
    assert batch["image"].shape == (4, 1, 16, 16, 5)
    assert (batch["classes"][..., [1, 3, 4]] == -1).all()
    assert (batch["classes"][..., 0].sum((1, 2)) > batch["classes"][..., 2].sum((1, 2))).all()
    assert Loop(task, task.config.train, None, cpu=True).run().measures["dice"] > 0.9
    export(task, tmp_path / "model")
    segmenter = Segmenter.from_pretrained(tmp_path / "model")
    scan = open_scan(tmp_path / "data/c5.nii.gz")
    found = segmenter(scan)
    assert found.shape == scan.shape
    sizes = (found.stored()[0] == 4).sum((1, 2, 3))
    assert sizes[0] > sizes[1] > sizes[2]


def test_label_maps_of_a_cine_state_their_frames(tmp_path):
    cohort = read_manifest(cines(tmp_path / "data"))
    cases = [case.model_copy(update={"frames": {"ED": 0}}) for case in cohort]
    manifest = write_manifest(Cohort(tuple(cases), cohort.root), tmp_path / "data/m.jsonl", force=True)
    with pytest.raises(UsageError, match="case c0 states no frame for mask ES"):
        make_task(table_of(manifest, **OVER_TIME))


@pytest.mark.parametrize(
    "step", [{"name": "frames", "count": 8}, {"name": "center_fit", "size": [8, None, None, None]}]
)
def test_the_preparation_keeps_the_frames(step):
    prepare = OVER_TIME["prepare"] | {"steps": [step]}
    with pytest.raises(ConfigError, match=r"prepare\.steps change the frames"):
        SegmentConfig.parse(table_of("m.jsonl", **OVER_TIME | {"prepare": prepare}))


def test_a_cine_is_segmented_anew_with_other_images(tmp_path):
    """The first image is the same object, the second is missing the second time."""
    manifest = cines(tmp_path / "data")
    changes = {"data__images": ["image", "other"], "data__allow_missing": True, "net": NET | {"outputs": 2}}
    task = make_task(table_of(manifest, **OVER_TIME | changes))
    task.modules = task.build()
    export(task, tmp_path / "model")
    segmenter = Segmenter.from_pretrained(tmp_path / "model")
    scans = {"image": open_scan(tmp_path / "data/c4.nii.gz"), "other": open_scan(tmp_path / "data/c4.nii.gz")}
    both = segmenter.probabilities(scans)
    assert (segmenter.probabilities({"image": scans["image"]}) != both).any()
    assert (segmenter.probabilities(scans) == both).all()


def test_starts_from_an_encoder(tmp_path):
    torch.manual_seed(7)
    encoder = UME.build(**NET["encoder"])
    parts = {"encoder": encoder.make()}
    (tmp_path / "pretrained").mkdir()
    save_pretrained(tmp_path / "pretrained", parts, ModelConfig.of("voco", {"encoder": encoder}))
    task = make_task(table_of(two_images(tmp_path / "data")))
    start = Start(InitConfig(model=str(tmp_path / "pretrained"), part="encoder"), task)
    Loop(task, task.config.train, None, cpu=True, start=start)
    found, wanted = task.modules["net"].encoder.state_dict(), parts["encoder"].state_dict()
    assert found.keys() == wanted.keys() == set(start.report.loaded)
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"net": {"name": "unet", "dims": 3, "inputs": 2, "outputs": 3, "channels": [8, 16]}}, "net with keyframes"),
        (
            {
                "net": {"name": "unet", "dims": 3, "inputs": 2, "outputs": 3, "channels": [8, 16]},
                "loss": {"name": "dice_ce"},
            },
            "allow_missing needs a net that knows missing images",
        ),
        ({"loss": {"name": "dice_bce"}}, "regions that begin with all classes"),
        ({"loss": {"name": "dice_bce"}, "regions": REGIONS}, "net.outputs is 3"),
        ({"data__third": "time"}, "prepare.layout must be CTIJK"),
        ({"patch": [16, 18, 6]}, "multiples of 4, 4, 1"),
    ],
)
def test_what_does_not_fit(changes, message):
    with pytest.raises(ConfigError, match=message):
        SegmentConfig.parse(table_of("m.jsonl", **changes))
