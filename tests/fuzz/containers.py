"""Sound files that hold many items: HDF5, a slide, a shard, a TensorFlow checkpoint."""

import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from cohort.tars import write as write_tar
from fuzz.formats import Specimen, values
from scan.slides.making import picture, write_slide
from vesalius.cohort.arrays import array_item
from vesalius.cohort.item import ArrayItem
from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.read import open_image
from vesalius.cohort.tar import spans
from vesalius.scan.region import Region
from vesalius.scan.slides.slide import open_slide

_GOLDEN = Path(__file__).parents[1] / "weights" / "golden" / "remedis.zip"
_SHARD = "variables.data-00003-of-00004"


def every(folder: Path) -> list[Specimen]:
    """All of them."""
    write_slide(folder / "slide.svs", picture(256, 192, tissue=((32, 32, 128, 96),)), levels=2)
    slide = (folder / "slide.svs").read_bytes()
    return [*_hdf5(folder), Specimen("slide", {"slide.svs": slide}, "slide.svs", "slide.svs"), _tar(folder), *_bundle()]


def reader_of(path: Path) -> Callable[[Path], Any] | None:
    """What reads such a file, or None for another one."""
    return {".h5": _read_hdf5, ".svs": _read_slide, ".tar": _read_shard, ".index": _read_bundle}.get(path.suffix)


def _hdf5(folder: Path) -> list[Specimen]:
    """Two chunks with a checksum each, and an array in one piece without any."""
    with h5py.File(folder / "c.h5", "w") as file:
        chunked = {"chunks": (1, 24, 20), "compression": "gzip", "fletcher32": True}
        array = file.create_dataset("x", data=values("u1", (2, 24, 20)), **chunked)
        chunks = [array.id.get_chunk_info(n) for n in range(2)]
        guarded = tuple((chunk.byte_offset, chunk.byte_offset + chunk.size) for chunk in chunks)
    with h5py.File(folder / "p.h5", "w") as file:
        file["x"] = values("u1", (2, 24, 20))
    files = {name: (folder / name).read_bytes() for name in ("c.h5", "p.h5")}
    return [
        Specimen("hdf5 chunks", {"c.h5": files["c.h5"]}, "c.h5", "c.h5", guarded),
        Specimen("hdf5 plain", {"p.h5": files["p.h5"]}, "p.h5", "p.h5"),
    ]


def _tar(folder: Path) -> Specimen:
    members = []
    for number in range(2):
        buffer = BytesIO()
        Image.fromarray(values("u1", (23, 31), number)).save(buffer, "png")
        fields = json.dumps({"patient": f"p{number}", "age": 40 + number}).encode()
        members += [
            (f"k{number}.png", buffer.getvalue()),
            (f"k{number}.json", fields),
            (f"k{number}.cls", b"%d" % number),
        ]
    path = write_tar(folder / "train-0.tar", members)
    pictures = [span for name, span in spans(path).items() if name.endswith(".png")]
    guarded = tuple((span.offset, span.offset + span.size) for span in pictures)
    return Specimen("shard", {path.name: path.read_bytes()}, path.name, path.name, guarded)


def _bundle() -> list[Specimen]:
    with zipfile.ZipFile(_GOLDEN) as archive:
        names = [name for name in archive.namelist() if name.startswith("variables/")]
        files = {Path(name).name: archive.read(name) for name in names}
    return [
        Specimen(f"checkpoint {kind}", files, "variables.index", name, ((0, len(files[name])),))
        for kind, name in (("index", "variables.index"), ("values", _SHARD))
    ]


def _read_hdf5(path: Path) -> Any:
    items = [array_item(path, ArrayItem("x", number)) for number in range(2)]
    return [(item.shape, item.dtype.str, item.tobytes()) for item in items]


def _read_slide(path: Path) -> Any:
    slide = open_slide(path)
    pixels = [slide.read(Region(0, 0, *slide.size)), slide.thumbnail(max(slide.size) // 2)]
    return slide.size, slide.um_per_pixel, [x_JIC.tobytes() for x_JIC in pixels]


def _read_shard(path: Path) -> Any:
    cohort = read_manifest(path)
    return [(case.model_dump(mode="json"), open_image(cohort, case, "image").stored().tobytes()) for case in cohort]


def _read_bundle(path: Path) -> Any:
    from vesalius.weights.tensor_bundle import read_bundle

    tensors, files = read_bundle(path)
    bytes_of = {
        name: value if isinstance(value, bytes) else np.asarray(value).tobytes() for name, value in tensors.items()
    }
    return bytes_of, [file.name for file in files]
