import yaml

from tasks.segment.small import make_cohort, settings
from vesalius.tasks.train.dry_run import dry_run, lines


def write(folder, manifest):
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump(settings(manifest)))
    return path


def test_told_before_the_run_and_nothing_written(tmp_path):
    config = write(tmp_path, make_cohort(tmp_path / "data"))
    before = sorted(tmp_path.rglob("*"))
    told = dry_run(config, ["batch=4"], device="cpu")
    assert sorted(tmp_path.rglob("*")) == before
    assert told.failed == 0
    assert told.config["batch"] == 4
    assert [(part.name, part.cases) for part in told.parts] == [("train", 5), ("val", 1), ("test", 2)]
    cost = told.estimate
    assert cost["steps"] == 80
    assert cost["parameters"]["net"] > 1000
    shown = "\n".join(lines(told))
    assert all("\n" not in line for line in lines(told))  # a terminal shows each on its own line
    assert "time: about" in shown
    assert "memory: about" in shown


def test_a_damaged_case_is_found(tmp_path):
    config = write(tmp_path, make_cohort(tmp_path / "data"))
    (tmp_path / "data" / "c3.nii.gz").unlink()
    told = dry_run(config, device="cpu")
    assert told.failed
    assert told.estimate is None
    assert "would stop the run" in "\n".join(lines(told))
