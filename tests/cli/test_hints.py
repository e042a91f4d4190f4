import pytest

from vesalius.cli.hints import hint

CASES = {
    "train segment/hippocampus -o run --epochs 5": "write train.epochs=5",
    "train segment/hippocampus --epochs=5 -o run": "write train.epochs=5",
    "train simclr/cxr --lr 0.1": "write train.optimizer.lr=0.1",
    "train detect/rsna --batch-size 8": "write batch=8",
    "train detect/rsna --seed": "write train.seed=VALUE",
    "train --epochs 3": "write train.epochs=3",
    "phantom cine --noise 0.1 -o out": "write noise=0.1",
    "phantom head-ct --matrix 256": "write matrix=256",
    "train detect/rsna --nonsense 5": None,
    "info --epochs 5": None,
}


@pytest.mark.parametrize("command", CASES)
def test_an_option_that_names_a_key_gets_the_key(command):
    words = command.split()
    option = next(word for word in words if word.startswith("--")).partition("=")[0]
    verb = words[1] if words[0] == "phantom" else words[0]
    assert hint(option, verb, words) == CASES[command]


def test_the_job_is_that_of_a_file_too(tmp_path):
    (tmp_path / "mine.yaml").write_text("task: finetune\n")
    words = ["train", str(tmp_path / "mine.yaml"), "--fine-tune-after-block", "4"]
    assert hint("--fine-tune-after-block", "train", words) == "write fine_tune_after_block=4"
