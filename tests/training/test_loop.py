import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from training.toys import CONFIG, TASKS, Cached, Fit, Gan, OnFrozen, Plain, Shared, Whole, train
from vesalius.errors import ConfigError, CorruptFileError, OutputError, TrainingError
from vesalius.training.config import OptimizerConfig, ScheduleConfig
from vesalius.training.loop import Loop
from vesalius.training.record import read_record
from vesalius.training.task import Trained

TOYS = Path(__file__).parent / "toys.py"
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(sys.path),
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}


def rows(folder):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in read_record(folder)]


def changed(**values):
    return CONFIG.model_copy(update=values)


def test_a_run_leaves_a_record_a_state_and_a_model(tmp_path):
    seen = []
    result = train(Fit(), CONFIG, tmp_path / "run", watch=seen.append)
    assert result.steps == 21
    lines = rows(tmp_path / "run")
    assert [line["step"] for line in lines if line["kind"] == "train"] == list(range(1, 22))
    assert [line["step"] for line in lines if line["kind"] == "validation"] == list(range(3, 22, 3))
    assert len(seen) == len(lines)
    first, last = lines[0], lines[-2]
    assert set(first) == {"step", "epoch", "kind", "loss", "noise", "lr", "gradient_norm"}
    errors = [line["error"] for line in lines if line["kind"] == "validation"]
    assert errors[-1] < 0.8 * errors[0]
    assert first["lr"] == pytest.approx(0.03 / 3)
    assert last["lr"] == 0
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"config.yaml", "env.json", "files.json", "metrics.jsonl", "last", "model"}
    told = json.loads((tmp_path / "run" / "env.json").read_text())
    assert (told["device"], told["processes"], told["precision"]) == ("cpu", 1, "fp32")
    assert str(tmp_path) not in (tmp_path / "run" / "env.json").read_text()


def test_the_averaged_weights_are_validated_and_shipped(tmp_path):
    result = train(Fit(), CONFIG, tmp_path / "run")
    task = Fit()
    task.modules = task.build()
    task.modules["net"].load_state_dict(load_file(tmp_path / "run" / "model" / "model.safetensors"))
    task.modules["net"].eval()
    with torch.no_grad():
        assert task.validate(0)["error"] == pytest.approx(result.measures["error"], rel=1e-6)


def test_the_best_weights_are_shipped(tmp_path):
    class Worsening(Fit):
        def validate(self, step):
            return {"score": -abs(step - 9)}

    result = train(Worsening(), changed(best="score", ema_decay=None), tmp_path / "run")
    assert (result.best, result.best_step, result.steps) == (0, 9, 21)
    short = train(Fit(), changed(max_steps=9, ema_decay=None, schedule=CONFIG.schedule), tmp_path / "short")
    assert short.steps == 9
    best = load_file(tmp_path / "run" / "best" / "state.safetensors")
    model = load_file(tmp_path / "run" / "model" / "model.safetensors")
    for key, value in model.items():
        torch.testing.assert_close(value, best[f"module/net/{key}"], rtol=0, atol=0)
    result = train(Worsening(), changed(best="score", patience=2), tmp_path / "early")
    assert (result.stopped_early, result.best_step, result.steps) == (True, 9, 15)
    with pytest.raises(ConfigError, match="no measure 'dice'; choose one of score"):
        train(Worsening(), changed(best="dice"), tmp_path / "wrong")


@pytest.mark.parametrize("name", ["fit", "gan", "teacher"])
def test_a_run_repeats(tmp_path, name):
    for folder in ("a", "b"):
        train(TASKS[name](), CONFIG, tmp_path / folder)
    assert rows(tmp_path / "a") == rows(tmp_path / "b")
    assert rows(tmp_path / "a") != []


def killed(name, folder, lines, *words):
    """Train in another process and kill it without warning after so many lines."""
    command = [sys.executable, str(TOYS), name, str(folder), "slow", *words]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    for _ in range(lines):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait()


@pytest.mark.parametrize("name", ["fit", "gan", "teacher"])
def test_stopped_and_resumed_equals_unbroken(tmp_path, name):
    """Every kind of task, stopped inside the process in the middle of an epoch, again and again."""

    class StopHere(Exception):  # noqa: N818
        pass

    def stop_at(step):
        def watch(row):
            if row["step"] == step and row["kind"] == "train":
                raise StopHere

        return watch

    train(TASKS[name](), CONFIG, tmp_path / "whole")
    folder = tmp_path / "broken"
    for number, step in enumerate((4, 5, 9, 14)):
        with pytest.raises(StopHere):
            train(TASKS[name](), CONFIG, folder, resume=number > 0, watch=stop_at(step))
    train(TASKS[name](), CONFIG, folder, resume=True)
    assert rows(folder) == rows(tmp_path / "whole")
    for key, value in load_file(tmp_path / "whole" / "model" / "model.safetensors").items():
        torch.testing.assert_close(load_file(folder / "model" / "model.safetensors")[key], value, rtol=0, atol=0)


def test_killed_and_resumed_equals_unbroken(tmp_path):
    train(TASKS["teacher"](), CONFIG, tmp_path / "whole")
    folder = tmp_path / "broken"
    killed("teacher", folder, 8)
    train(TASKS["teacher"](), CONFIG, folder, resume=True)
    assert rows(folder) == rows(tmp_path / "whole")
    for key, value in load_file(tmp_path / "whole" / "model" / "model.safetensors").items():
        torch.testing.assert_close(load_file(folder / "model" / "model.safetensors")[key], value, rtol=0, atol=0)


@pytest.mark.slow
def test_killed_at_twenty_random_steps(tmp_path):
    train(TASKS["teacher"](), CONFIG, tmp_path / "whole")
    draw = random.Random(0)
    for attempt in range(20):
        folder = tmp_path / str(attempt)
        killed("teacher", folder, draw.randint(1, 26))
        train(TASKS["teacher"](), CONFIG, folder, resume=True)
        assert rows(folder) == rows(tmp_path / "whole")


def test_accumulated_batches_are_one_batch(tmp_path):
    class Halves(Plain):
        def batches_per_epoch(self):
            return 2 * super().batches_per_epoch()

        def batches(self, epoch, start, rank, world):
            for batch in super().batches(epoch, start // 2, rank, world):
                for half in (slice(0, 4), slice(4, 8)):
                    yield {key: value[half] for key, value in batch.items()}

    train(Plain(), CONFIG, tmp_path / "whole")
    train(Halves(), changed(accumulate=2), tmp_path / "halves")
    for one, other in zip(rows(tmp_path / "whole"), rows(tmp_path / "halves"), strict=True):
        for key in ("loss", "error", "gradient_norm"):
            if key in one:
                assert other[key] == pytest.approx(one[key], rel=1e-4)


def test_a_rate_scales_with_the_samples_of_a_step_and_warms_up_in_epochs(tmp_path):
    class Sized(Plain):
        def batch_size(self):
            return 8

    scaled = OptimizerConfig(name="lars", lr=0.3, scaling="linear")
    config = changed(optimizer=scaled, schedule=ScheduleConfig(name="constant", warmup_epochs=2), accumulate=3)
    train(Sized(), config, tmp_path / "run")  # 3 batches of 8 in a step, one step in an epoch
    rates = [row["lr"] for row in rows(tmp_path / "run") if row["kind"] == "train"]
    assert rates == pytest.approx([0.3 * 24 / 256 * factor for factor in (0.5, 1, 1, 1, 1, 1, 1)])
    with pytest.raises(TrainingError, match=r"optimizer\.scaling: this job does not say how many samples"):
        train(Plain(), config, tmp_path / "unsized")


def test_a_task_may_be_measured_before_it_is_trained(tmp_path):
    class First(Plain):
        measures_untrained = True

    train(First(), CONFIG, tmp_path / "run")
    first, second, *_ = rows(tmp_path / "run")
    assert (first["kind"], first["step"], first["epoch"]) == ("validation", 0, 0)
    assert second["step"] == 1
    train(First(), CONFIG, tmp_path / "run", resume=True)
    assert [row["step"] for row in rows(tmp_path / "run")].count(0) == 1


def test_gradient_caching_equals_the_whole_batch(tmp_path):
    plain = changed(optimizer=OptimizerConfig(name="sgd", lr=0.01))
    train(Whole(), plain, tmp_path / "whole")
    train(Cached(), plain, tmp_path / "cached")
    for one, other in zip(rows(tmp_path / "whole"), rows(tmp_path / "cached"), strict=True):
        for key in ("loss", "error", "gradient_norm"):
            if key in one:
                assert other[key] == pytest.approx(one[key], rel=1e-4)


def test_a_pair_trains_each_with_its_own_optimizer(tmp_path):
    loop = Loop(Gan(), CONFIG, None, cpu=True)
    assert {name: type(one).__name__ for name, one in loop.optimizers.items()} == {"maker": "AdamW", "judge": "SGD"}
    before = {name: [p.clone() for _, p in pairs] for name, pairs in loop.parameters.items()}
    numbers = loop.step(next(iter(loop.batches(0, 0))))
    assert set(numbers) == {
        "loss/maker", "loss/judge", "lr/maker", "lr/judge", "gradient_norm/maker", "gradient_norm/judge",
    }  # fmt: skip
    for name, pairs in loop.parameters.items():
        assert any((old != new).any() for old, (_, new) in zip(before[name], pairs, strict=True))


def test_frozen_modules_get_no_gradient_from_a_loss_that_passes_through(tmp_path):
    class MakerOnly(Gan):
        def optimizers(self):
            return {"maker": Trained(("maker",))}

        def training_step(self, batch, step):
            losses, logs = super().training_step(batch, step)
            return {"maker": losses["maker"]}, logs

    task = MakerOnly()
    Loop(task, CONFIG, None, cpu=True).step([next(task.batches(0, 0, 0, 1))])
    assert all(p.grad is None for p in task.modules["judge"].parameters())


def test_a_frozen_module_is_in_no_state_and_no_average(tmp_path):
    task = OnFrozen()
    loop = Loop(task, changed(max_steps=2, best="error", best_is="min"), tmp_path, cpu=True)
    before = {key: value.clone() for key, value in task.encoder.state_dict().items()}
    loop.run()
    for name in ("last", "best"):
        keys = set(load_file(tmp_path / name / "state.safetensors"))
        assert any(key.startswith("module/net/") for key in keys)
        assert not [key for key in keys if "encoder" in key]
    assert not [key for key in loop.ema.averages if "encoder" in key]
    assert all(torch.equal(task.encoder.state_dict()[key], value) for key, value in before.items())
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in task.encoder.parameters())


def test_an_optimizer_has_its_own_schedule_and_may_stay_out_of_the_average(tmp_path):
    class Pair(Gan):
        def optimizers(self):
            constant = ScheduleConfig(name="constant")
            return {"maker": Trained(("maker",)), "judge": Trained(("judge",), None, constant, averaged=False)}

    loop = Loop(Pair(), changed(max_steps=4), tmp_path, cpu=True)
    loop.run()
    lines = [line for line in rows(tmp_path) if line["kind"] == "train"]
    assert [line["lr/judge"] for line in lines] == [0.03] * 4
    assert [line["lr/maker"] for line in lines[:3]] == pytest.approx([0.01, 0.02, 0.03])
    assert {key.split(".")[0] for key in loop.ema.averages} == {"maker"}
    keys = load_file(tmp_path / "last" / "state.safetensors")
    assert {key.split("/")[1].split(".")[0] for key in keys if key.startswith("average/")} == {"maker"}


def test_a_task_decides_what_is_in_train_mode():
    class Half(Gan):
        def train_mode(self):
            super().train_mode()
            self.modules["judge"].eval()

    task = Half()
    loop = Loop(task, CONFIG, None, cpu=True)
    loop.step(next(iter(loop.batches(0, 0))))
    assert (task.modules["maker"].training, task.modules["judge"].training) == (True, False)


def test_bf16_on_the_cpu_stays_close(tmp_path):
    train(Plain(), CONFIG, tmp_path / "fp32")
    train(Plain(), changed(precision="bf16"), tmp_path / "bf16")
    one, other = rows(tmp_path / "fp32")[0], rows(tmp_path / "bf16")[0]
    assert one["loss"] != other["loss"]
    assert other["loss"] == pytest.approx(one["loss"], rel=0.02)


def test_a_loss_that_is_no_number_ends_the_run_in_one_line(tmp_path):
    with pytest.raises(TrainingError, match=r"loss is nan at step 5; the state of the last checkpoint is kept; lower"):
        train(TASKS["broken"](), CONFIG, tmp_path / "run")
    assert max(row["step"] for row in rows(tmp_path / "run")) == 5
    result = train(Fit(), CONFIG, tmp_path / "run", resume=True)
    assert result.steps == 21


def test_a_gradient_that_is_no_number_is_not_stepped(tmp_path):
    seen = []
    with pytest.raises(
        TrainingError, match=r"^gradient_norm is nan at step 5; the state of the last checkpoint is kept"
    ):
        train(TASKS["steep"](), CONFIG, tmp_path / "run", watch=seen.append)
    assert max(row["step"] for row in seen) == 5
    state = load_file(tmp_path / "run" / "last" / "state.safetensors")
    assert all(torch.isfinite(value).all() for value in state.values())
    assert train(Fit(), CONFIG, tmp_path / "run", resume=True).steps == 21


def test_no_state_is_promised_where_none_was_written(tmp_path):
    task = TASKS["steep"]()
    task.since = 0
    with pytest.raises(TrainingError, match="gradient_norm is nan at step 0; no state was written"):
        train(task, CONFIG, tmp_path / "run")
    assert not (tmp_path / "run" / "last").exists()


def test_a_gradient_that_is_no_number_spares_the_other_optimizer():
    class Half(Gan):
        def training_step(self, batch, step):
            losses, logs = super().training_step(batch, step)
            return {"maker": losses["maker"], "judge": losses["judge"] + (losses["judge"] * 0).sqrt()}, logs

    loop = Loop(Half(), CONFIG, None, cpu=True)
    before = [p.clone() for pairs in loop.parameters.values() for _, p in pairs]
    with pytest.raises(TrainingError, match="gradient_norm/judge is nan at step 0; no state was written"):
        loop.step(next(iter(loop.batches(0, 0))))
    after = [p for pairs in loop.parameters.values() for _, p in pairs]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_a_measure_that_is_no_number_is_never_the_best(tmp_path):
    class Late(Fit):
        def validate(self, step):
            return {"score": float("nan") if step < 6 else -abs(step - 9)}

    result = train(Late(), changed(best="score"), tmp_path / "run")
    assert (result.best, result.best_step) == (0, 9)


def test_a_model_folder_that_cannot_be_written_is_one_line(tmp_path):
    def block(row):
        if row["step"] == 1:
            (tmp_path / "run" / "last").write_text("in the way")

    with pytest.raises(OutputError, match="cannot be written"):
        train(Fit(), CONFIG, tmp_path / "run", watch=block)


def test_what_is_refused(tmp_path):
    train(Fit(), changed(max_steps=4), tmp_path / "run")
    with pytest.raises(OutputError, match="exists already; choose another folder, or pass --resume or --force"):
        train(Fit(), CONFIG, tmp_path / "run")
    with pytest.raises(ConfigError, match=r"run: max_steps: was 4 when this run began and is None now"):
        train(Fit(), CONFIG, tmp_path / "run", resume=True)
    state = tmp_path / "run" / "last" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-9])
    with pytest.raises(CorruptFileError, match="holds no readable state"):
        train(Fit(), changed(max_steps=4), tmp_path / "run", resume=True)
    train(Fit(), CONFIG, tmp_path / "fits")
    with pytest.raises(CorruptFileError, match="does not fit"):
        train(Gan(), CONFIG, tmp_path / "fits", resume=True)


def test_a_full_disk_keeps_the_last_state(tmp_path, monkeypatch):
    from vesalius.training import state

    kept = {}

    def full(tensors, path, header):
        if kept:
            raise SafetensorError("I/O error: No space left on device (os error 28)")
        kept["bytes"] = Path(path)
        original(tensors, path, header)

    original = state.save_file
    monkeypatch.setattr(state, "save_file", full)
    with pytest.raises(OutputError, match="the disk is full"):
        train(Fit(), CONFIG, tmp_path / "run")
    monkeypatch.undo()
    assert train(Fit(), CONFIG, tmp_path / "run", resume=True).steps == 21


def test_two_processes_equal_one(tmp_path):
    train(Shared(), CONFIG, tmp_path / "one")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    subprocess.run(
        [*launch, str(TOYS), "shared", str(tmp_path / "two")],
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        timeout=300,
    )
    assert json.loads((tmp_path / "two" / "env.json").read_text())["processes"] == 2
    one, two = rows(tmp_path / "one"), rows(tmp_path / "two")
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        assert (a["step"], a["kind"]) == (b["step"], b["kind"])
        for key in ("loss", "error", "gradient_norm"):
            if key in a:
                assert b[key] == pytest.approx(a[key], rel=1e-5)
