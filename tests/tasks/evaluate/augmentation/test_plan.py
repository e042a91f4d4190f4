from dataclasses import replace

import pytest

from tasks.evaluate.augmentation.small import OPTIONS, make_config, make_synthetic
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import ConfigError, InputError, UsageError
from vesalius.tasks.evaluate.augmentation.options import ARMS
from vesalius.tasks.evaluate.augmentation.plan import AugmentationPlan
from vesalius.tasks.train.run import configured


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    return folder, make_config(folder), make_synthetic(folder / "synthetic")


def test_arms_differ_in_cases_and_augmentation_and_in_nothing_else(made, tmp_path):
    _, config, synthetic = made
    plan = AugmentationPlan(config, synthetic, ["mixup=0.2"], replace(OPTIONS, arms=ARMS, seeds=(4,)))
    plan.write(tmp_path)
    counts, settings = {}, {}
    for cell in plan.cells(tmp_path):
        job_config = configured(config, cell.words)[1]
        settings[cell.arm] = (len(job_config.augment), job_config.mixup)
        cases = read_manifest(job_config.data.manifest[0])
        train = cases.of_split("train")
        made_up = sum("source" in case.facts for case in train)
        counts[cell.arm] = (len(train) - made_up, made_up)
        assert (job_config.train.seed, job_config.train.best) == (4, None)
        assert not any("source" in case.facts for case in cases if case.split != "train")
        assert all(cases.path(case.images["image"]).exists() for case in cases)
        assert (len(cases.of_split("val")), len(cases.of_split("test"))) == (15, 15)
    assert counts == {
        "real": (30, 0),
        "classical": (30, 0),
        "synthetic": (30, 30),
        "synthetic-only": (0, 30),
        "everything": (30, 30),
    }
    assert counts == {arm: plan.counts(arm) for arm in ARMS}
    assert settings == {arm: (1, 0.2) if arm in ("classical", "everything") else (0, 0.0) for arm in ARMS}
    assert {cell.length.steps for cell in plan.cells(tmp_path)} == {2 * (30 // 8)}


@pytest.mark.parametrize("split", ["val", "test"])
def test_pictures_made_from_held_out_cases_are_refused(made, split):
    folder, config, _ = made
    leaking = make_synthetic(folder / f"from_{split}", split)
    with pytest.raises(UsageError, match=r"15 cases stand for held-out ones, namely .*; make them from the training"):
        AugmentationPlan(config, leaking, (), OPTIONS)


def test_a_synthetic_case_that_says_it_is_held_out_is_refused(made):
    folder, config, _ = made
    path = make_synthetic(folder / "stated", facts={})
    path.write_text(path.read_text().replace('"split": "train"', '"split": "test"'))
    with pytest.raises(UsageError, match="stand for held-out ones"):
        AugmentationPlan(config, path, (), OPTIONS)


def test_sources_of_another_manifest_are_refused_and_unknown_ones_noted(made):
    folder, config, _ = made
    with pytest.raises(UsageError, match="30 cases name a source that the real manifest does not hold"):
        AugmentationPlan(config, make_synthetic(folder / "foreign", facts={"source": "y1"}), (), OPTIONS)
    plan = AugmentationPlan(config, make_synthetic(folder / "bare", facts={}), (), OPTIONS)
    assert plan.notes[0].startswith("30 of 30 synthetic cases name no source")
    with pytest.raises(InputError, match="no case has a label"):
        AugmentationPlan(config, make_synthetic(folder / "unlabelled", labels={}), (), OPTIONS)


@pytest.mark.parametrize(
    ("words", "changes", "error", "says"),
    [
        (["augment=[]"], {}, UsageError, "holds no augmentation for the arm classical"),
        (["loss.name=bce"], {}, UsageError, "--measure: accuracy needs pictures of one class each"),
        (["bit_hyperrule={}"], {}, UsageError, "bit_hyperrule: the rule chooses other steps"),
        (["batches=3"], {}, ConfigError, "no such key; did you mean 'batch'"),
    ],
)
def test_what_does_not_fit_is_one_line(made, words, changes, error, says):
    _, config, synthetic = made
    with pytest.raises(error) as caught:
        AugmentationPlan(config, synthetic, words, replace(OPTIONS, **changes))
    assert says in str(caught.value)


def test_another_job_is_refused(made):
    with pytest.raises(UsageError, match="a run of simclr does not classify pictures"):
        AugmentationPlan("simclr/blood_cells", made[2], ["data.manifest=x.jsonl"], OPTIONS)
