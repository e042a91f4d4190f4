import json
from importlib.metadata import version

import vesalius
from vesalius.codec.coders.table import CODERS
from vesalius.json_values import as_json
from vesalius.tasks.info import info, lines


def test_versions_coders_and_formats_are_told():
    facts = info()
    assert facts.vesalius == vesalius.__version__
    assert facts.packages["nibabel"] == version("nibabel")
    assert facts.coders == tuple(CODERS)
    assert {"dicom", "nii.gz", "nrrd", "png"} <= set(facts.reads)
    assert "segment" in facts.trains
    assert "segment/hippocampus" in facts.configs
    assert json.loads(json.dumps(as_json(facts)))["coders"] == list(CODERS)


def test_people_read_the_same_and_the_notice():
    shown = "\n".join(lines(info()))
    assert vesalius.__version__ in shown
    assert "not a medical device" in shown
    assert all(name in shown for name in CODERS)
