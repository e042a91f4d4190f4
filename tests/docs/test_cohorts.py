"""The writer of shards on the page about cohorts, without TensorFlow, whose own calls beside it are not run."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.read import open_image

PAGE = Path(__file__).parents[2] / "docs" / "cohorts.md"


def test_shards_of_the_snippet_are_a_cohort(tmp_path):
    blocks = [block.partition("```")[0] for block in PAGE.read_text(encoding="utf-8").split("```python\n")[1:]]
    (block,) = [block for block in blocks if "def write_shard" in block]
    names = {}
    exec(block, names)
    rows = []
    for number in range(3):
        buffer = io.BytesIO()
        Image.fromarray(np.full((4, 5), number, np.uint8)).save(buffer, "png")
        rows.append({"image": buffer.getvalue(), "label": number})
    samples = ({"__key__": f"{n:08d}", "png": row["image"], "cls": b"%d" % row["label"]} for n, row in enumerate(rows))
    names["write_shard"](tmp_path / "train-000000.tar", samples)
    cohort = read_manifest(tmp_path)
    assert [case.labels for case in cohort] == [{f"class{n}": float(n == k) for n in range(3)} for k in range(3)]
    assert [open_image(cohort, case, "image").stored().max() for case in cohort] == [0, 1, 2]
    assert cohort.splits == {"train": 3}
