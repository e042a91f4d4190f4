"""generate: what the command line hands on; `tests/tasks/synthesis` tests what becomes of it."""

from pathlib import Path

import pytest

from vesalius.tasks.synthesis.options import GenerateOptions
from vesalius.tasks.synthesis.run import Generated

pytestmark = pytest.mark.usefixtures("unchecked")


@pytest.fixture
def called(monkeypatch):
    seen = {}

    def generate(model, output, *, progress, **arguments):
        progress("1 of 1 pictures")
        seen.update(arguments, model=model, output=output)
        failed = [{"path": "b_1", "error": "b_1: cannot be read"}] if arguments["source"] else []
        pictures = [{"path": "out/a_0.png", "caption": "a", "seed": 0}]
        return Generated("out", "m", "d", {}, 1, 0, pictures, None, None, [], failed)

    monkeypatch.setattr("vesalius.tasks.synthesis.run.generate", generate)
    return seen


def test_a_caption_and_its_options_are_handed_on(vesalius, called):
    words = ["--caption", "a", "--mask", "m.png", "--count", "2", "--steps", "5", "--sampler", "heun", "--guidance"]
    words += ["1.5", "--mask-guidance", "2", "--interval", "0,0.8", "--seed", "3", "--size", "64", "--format", "dcm"]
    done = vesalius("generate", "generate/nuclei", "-o", "out", *words, "--config", "s.yaml", "--device", "cpu")
    assert (done.code, done.out, done.err) == (0, "out/a_0.png\n", "")
    assert called["options"] == GenerateOptions(5, "heun", 1.5, 2.0, (0.0, 0.8), 3, size=(64,), area=None, format="dcm")
    assert (called["caption"], called["mask"], called["count"]) == ("a", Path("m.png"), 2)
    assert (called["config"], called["device"], called["source"]) == ("s.yaml", "cpu", None)


def test_a_cohort_that_fails_in_part_ends_with_2(vesalius, called):
    words = ["--from", "in.jsonl", "--per-case", "3", "--manifest", "out.jsonl", "--text-of-label", "w.yaml"]
    done = vesalius("generate", "m", "-o", "out", *words, "--area", "0.2,1", "--whole", "--force", "-q")
    assert (done.code, done.err) == (2, "")
    assert "failed: b_1: cannot be read" in done.out
    assert (called["source"], called["per_case"], called["manifest"]) == (Path("in.jsonl"), 3, Path("out.jsonl"))
    assert (called["texts"], called["whole"], called["force"]) == (Path("w.yaml"), True, True)
    assert called["options"] == GenerateOptions(area=(0.2, 1.0))
