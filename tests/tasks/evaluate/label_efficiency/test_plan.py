from dataclasses import replace

import pytest

from tasks.evaluate.label_efficiency.small import OPTIONS, make_config
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.errors import ConfigError, InputError, UsageError
from vesalius.tasks.evaluate.label_efficiency.plan import CellPlan
from vesalius.tasks.train.run import configured

SCRATCH = replace(OPTIONS, arms=("scratch",))


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return make_config(tmp_path_factory.mktemp("plan"), train={"epochs": 6, "schedule": {"warmup_epochs": 2}})


def training(folder, cell):
    return read_manifest(folder / "patients" / f"{cell.name.rpartition('-')[0]}.csv").of_split("train")


def test_arms_share_their_patients_and_a_share_lies_within_the_larger(config, tmp_path, study):
    plan = CellPlan(config, study.words, OPTIONS)
    plan.write(tmp_path)
    cells = list(plan.cells(tmp_path))
    assert len(cells) == len({cell.name for cell in cells}) == 8
    for cell in cells:
        part = training(tmp_path, cell)
        assert (cell.cases, cell.patients) == (len(part), len({case.patient for case in part}))
    small, large = (training(tmp_path, cell) for cell in cells if (cell.arm, cell.seed) == ("scratch", 0))
    assert {case.id for case in small} < {case.id for case in large}
    assert {case.labels["left"] for case in small} == {0.0, 1.0}


def test_every_cell_is_a_configuration_that_chooses_nothing_by_validation(config, tmp_path, study):
    options = replace(OPTIONS, shares=(100.0,), seeds=(3,))
    plan = CellPlan(config, [*study.words, "scratch:train.optimizer.lr=0.01"], options)
    plan.write(tmp_path)
    scratch, pretrained = (configured(config, cell.words)[1] for cell in plan.cells(tmp_path))
    assert (scratch.init_from, pretrained.init_from.part) == (None, "encoder")
    assert (scratch.train.optimizer.lr, pretrained.train.optimizer.lr) == (0.01, 1e-3)
    for config_of_cell in (scratch, pretrained):
        assert config_of_cell.train.seed == 3
        assert (config_of_cell.train.best, config_of_cell.train.patience) == (None, None)
        assert config_of_cell.data.classes == ("left",)


def test_only_the_probe_freezes_the_encoder(config, tmp_path, study):
    options = replace(OPTIONS, shares=(100.0,), seeds=(0,), arms=("scratch", "pretrained", "probe"))
    plan = CellPlan(config, study.words, options)
    plan.write(tmp_path)
    blocks = [configured(config, cell.words)[1].fine_tune_after_block for cell in plan.cells(tmp_path)]
    assert blocks == [-1, -1, 4]


def test_the_budget_is_that_of_all_patients(config, tmp_path):
    (cell,) = CellPlan(config, (), replace(SCRATCH, shares=(30.0,), seeds=(0,))).cells(tmp_path)
    assert cell.cases == 7
    assert (cell.budget.steps, cell.budget.per_epoch) == (6 * (23 // 8), 23 // 8)
    (cell,) = CellPlan(config, (), replace(SCRATCH, shares=(30.0,), seeds=(0,), budget="epochs")).cells(tmp_path)
    assert cell.budget is None


def test_a_share_without_both_labels_is_left_out_with_its_reason(config, tmp_path):
    plan = CellPlan(config, (), replace(SCRATCH, shares=(1.0, 100.0), seeds=(0,)))
    assert plan.left_out() == {"1_percent-seed_0": "1 patient does not hold both labels of left"}
    assert [cell.percent for cell in plan.cells(tmp_path)] == [100.0]


def test_folds_come_from_the_manifest_and_fill_a_word(tmp_path):
    config = make_config(tmp_path, folds=3)
    words = ["card.summary=fold {fold}", "data.ratios=[0.7,0.2,0.1]"]
    plan = CellPlan(config, words, replace(SCRATCH, shares=(100.0,), seeds=(0,), on="folds"))
    plan.write(tmp_path)
    cells = list(plan.cells(tmp_path))
    assert [cell.fold for cell in cells] == [0, 1, 2]
    assert [configured(config, cell.words)[1].card.summary for cell in cells] == ["fold 0", "fold 1", "fold 2"]
    cohort = read_manifest(tmp_path / "data" / "m.jsonl")
    for cell in cells:
        held_out = read_manifest(tmp_path / "patients" / f"{cell.name.rpartition('-')[0]}.csv").of_split("val")
        labelled = [case.id for case in cohort if case.fold == cell.fold and "left" in case.labels]
        assert [case.id for case in held_out] == labelled


def test_cases_that_changed_are_refused(tmp_path):
    config = make_config(tmp_path)
    options = replace(SCRATCH, shares=(100.0,), seeds=(0,))
    CellPlan(config, (), options).write(tmp_path)
    manifest = tmp_path / "data" / "m.jsonl"
    before = (tmp_path / "patients" / "100_percent-seed_0.csv").read_bytes()
    cohort = read_manifest(manifest)
    cases = (cohort.cases[0].model_copy(update={"labels": {"left": 0.0}}), *cohort.cases[1:])
    write_manifest(type(cohort)(cases, cohort.root), manifest, force=True)
    with pytest.raises(UsageError, match="the cases have changed since this run began"):
        CellPlan(config, (), options).write(tmp_path)
    assert (tmp_path / "patients" / "100_percent-seed_0.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "changes", "error", "message"),
    [
        ((), {"arms": ("pretrained",)}, UsageError, "arm pretrained: needs weights to start from; add init_from=RUN"),
        (("init_from=nowhere",), {}, InputError, "nowhere: is neither a folder nor a model"),
        ((), {"arms": ("scratch",), "on": "folds"}, UsageError, "--on folds: the manifest has no folds"),
        (("train.epoch=1",), {"arms": ("scratch",)}, ConfigError, "train.epoch: no such key; did you mean 'epochs'"),
        (("scratch:batch=0",), {"arms": ("scratch",)}, ConfigError, "batch: 0 was given"),
        (("data.classes=[never]",), {"arms": ("scratch",)}, UsageError, "not both positive and negative labels"),
    ],
)
def test_what_cannot_be_trained_is_one_line_before_anything_is_written(config, words, changes, error, message):
    with pytest.raises(error) as caught:
        CellPlan(config, words, replace(OPTIONS, **changes))
    assert message in str(caught.value)


def test_weights_that_do_not_fit_the_net_are_refused_before_any_cell_is_trained(config, study):
    with pytest.raises(InputError, match=r"init_from .*: does not fit the network: .* of another shape"):
        CellPlan(config, [*study.words, "net.size=tiny"], OPTIONS)
    with pytest.raises(UsageError, match="prepare: the encoder does not take 1 channel of 32 x 32 pixels; give it 3"):
        CellPlan(config, ["net.inputs=3"], SCRATCH)


def test_a_cohort_without_test_cases_is_refused(tmp_path):
    config = make_config(tmp_path)
    manifest = tmp_path / "data" / "m.jsonl"
    cohort = read_manifest(manifest)
    write_manifest(cohort.where(lambda case: case.split != "test"), manifest, force=True)
    with pytest.raises(UsageError, match="--on test: there is no test split to measure on"):
        CellPlan(config, (), SCRATCH)


def test_other_jobs_and_bare_vectors_are_refused(tmp_path):
    with pytest.raises(UsageError, match="a run of segment has no labels to learn from"):
        CellPlan("segment/hippocampus", ["data.manifest=m.jsonl"], SCRATCH)
    words = ["data.embeddings=x.npy", "data.labels=y.npy"]
    with pytest.raises(UsageError, match="precomputed vectors have no manifest"):
        CellPlan("detect/head_from_embeddings", words, SCRATCH)


def test_a_probe_needs_a_job_that_freezes(study):
    words = ["data.manifest=m.jsonl", "data.encoder=e", *study.words]
    with pytest.raises(UsageError, match="arm probe: a run of detect has no fine_tune_after_block"):
        CellPlan("detect/head_ct_phantom", words, replace(OPTIONS, arms=("probe",)))
