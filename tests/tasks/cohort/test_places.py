import io

import numpy as np
from PIL import Image

from scan.slides.making import write_slide
from vesalius.cohort.build import build_cohort
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.tasks.cohort.audit import audit_cohort
from vesalius.tasks.cohort.places import places_figure


def cohort_of(root, **paths):
    cases = (Case(id=name, images={"image": path}, labels={"x": name == "a"}) for name, path in paths.items())
    return Cohort(tuple(cases), root)


def test_regions_of_pictures_and_slides_are_shown(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50)).astype(np.uint16) * 99).save(tmp_path / "p.png")
    write_slide(tmp_path / "s.tif")
    tiles = build_cohort("slides", tmp_path / "s.tif", ["tile=64"])
    pictures = cohort_of(tmp_path, a="p.png#region/1,2,30,30", b="p.png#region/9,9,8,8")
    one = Image.open(io.BytesIO(places_figure(pictures)))
    both = Image.open(io.BytesIO(places_figure(Cohort((*pictures, *tiles), tmp_path))))
    assert both.width > one.width  # two pictures beside each other


def test_nothing_is_drawn_without_readable_regions(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    Image.fromarray(np.ones((4, 4), np.uint8)).save(tmp_path / "p.png")
    assert places_figure(cohort_of(tmp_path, a="p.png")) is None
    assert places_figure(cohort_of(tmp_path, a="broken.png#region/0,0,2,2", b="gone.svs#region/0,0,2,2/2x2")) is None


def test_the_audit_shows_them(tmp_path):
    Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10)).save(tmp_path / "p.png")
    cohort = cohort_of(tmp_path, a="p.png#region/0,0,6,6", b="p.png#region/4,4,6,6")
    write_manifest(cohort, tmp_path / "m.jsonl")
    audit_cohort(tmp_path / "m.jsonl", tmp_path / "out")
    assert (tmp_path / "out" / "figures" / "regions.png").stat().st_size > 1000
    assert "Each rectangle is a case" in (tmp_path / "out" / "report.html").read_text()
    audit_cohort(tmp_path / "m.jsonl", tmp_path / "out2", pixels=False)
    assert not (tmp_path / "out2" / "figures").exists()
