"""A FIFO in every place where a path can stand, for every verb: refused with its name, never waited for."""

import os
import shutil
import signal
import socket
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import typer
import yaml
from PIL import Image

from dicom_making import placed, save_all
from tasks.detect.tiny import AFFINE, head, make_encoder
from tasks.detect.tiny import make_cohort as make_heads
from tasks.detect.tiny import make_model as make_detector
from tasks.predict.test_run import make_model as make_segmenter
from tasks.segment.small import make_cohort, settings
from vesalius.cli.main import app
from vesalius.codec.options import CompressConfig
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.compress.run import compress

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")]
_SECONDS = 20
"""A verb that waits for the FIFO is ended after this time; on an idle machine none needs a tenth of it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One good input of each kind."""
    root = tmp_path_factory.mktemp("made")
    write_nifti(root / "scan.nii.gz", head(0, False)[None], AFFINE)
    x_IJKT = np.arange(4 * 4 * 2 * 3, dtype=np.int16).reshape(4, 4, 2, 3)
    nib.save(nib.Nifti1Image(x_IJKT, np.eye(4)), root / "four.nii")
    nib.save(nib.Nifti1Pair(x_IJKT[..., 0], np.eye(4)), root / "pair.img")
    np.save(root / "array.npy", x_IJKT[..., 0])
    Image.fromarray(np.zeros((4, 4), "u1")).save(root / "picture.png")
    (root / "values.nhdr").write_text(
        "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: values.raw\n"
    )
    (root / "values.mhd").write_text(
        "NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = values.raw\n"
    )
    (root / "values.raw").write_bytes(bytes(range(8)))
    (root / "series").mkdir()
    save_all([placed(np.full((4, 6), n, np.int16), (0, 0, n)) for n in range(3)], root / "series")
    manifest = make_cohort(root / "cohort", ("train", "val", "test"))
    shutil.copy(manifest, root / "cohort" / "all.jsonl")
    make_heads(root / "heads", patients=12, per_patient=1)
    make_encoder(root / "encoder")
    make_detector(root / "detector")
    make_segmenter(root / "segmenter")
    compress([root / "four.nii"], root / "four.vsl", CompressConfig(coder="jpegxl"))
    (root / "acdc" / "patient001").mkdir(parents=True)
    shutil.copy(root / "four.nii", root / "acdc" / "patient001" / "patient001_4d.nii")
    (root / "acdc" / "patient001" / "Info.cfg").write_text("ED: 1\nES: 2\n")
    (root / "bids" / "sub-1" / "anat").mkdir(parents=True)
    nib.save(nib.Nifti1Image(x_IJKT[..., 0], np.eye(4)), root / "bids" / "sub-1" / "anat" / "sub-1_T1w.nii.gz")
    (root / "bids" / "participants.tsv").write_text("participant_id\tage\nsub-1\t50\n")
    np.save(root / "vectors.npy", np.zeros((2, 192), np.float32))
    (root / "small.yaml").write_text(yaml.safe_dump(settings(root / "cohort" / "m.jsonl")))
    (root / "series.csv").write_text("patient_id,nifti_path,any\np,scan.nii.gz,1\n")
    return root


@pytest.fixture
def there(made, tmp_path, monkeypatch):
    """The same in the folder where the verb runs, and a FIFO, a link to it."""
    shutil.copytree(made, tmp_path / "w")
    text = (tmp_path / "w" / "small.yaml").read_text()
    (tmp_path / "w" / "small.yaml").write_text(text.replace(str(made), str(tmp_path / "w")))
    os.mkfifo(tmp_path / "w" / "fifo")
    (tmp_path / "w" / "link").symlink_to("fifo")
    monkeypatch.chdir(tmp_path / "w")

    def late(number, frame):
        raise TimeoutError("the verb waits for the FIFO")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(_SECONDS)
    yield tmp_path / "w"
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


GIVEN = [
    "demo -o FIFO --force",
    "inspect FIFO",
    "convert FIFO -o out.nii",
    "convert scan.nii.gz -o FIFO --force",
    "cohort build auto FIFO -o out.jsonl",
    "cohort build medmnist FIFO -o out.jsonl",
    "cohort build images cohort -o FIFO --force",
    "cohort draw FIFO -o out",
    "generate FIFO -o out --caption x",
    "evaluate images FIFO cohort -o out",
    "evaluate augmentation FIFO cohort/m.jsonl -o out",
    "cohort draw cohort/m.jsonl -o FIFO --force",
    "cohort split FIFO -o out",
    "cohort split cohort/m.jsonl -o FIFO --force",
    "cohort audit FIFO",
    "cohort audit cohort/m.jsonl -o FIFO --force",
    "cohort shard FIFO -o out",
    "cohort shard cohort/m.jsonl -o FIFO --force",
    "phantom cine -o FIFO --patients 1 --force",
    "phantom head-ct -o FIFO --patients 1 --force",
    "phantom position -o FIFO --patients 1 --force",
    "compress FIFO -o out.vsl",
    "compress scan.nii.gz -o FIFO --force",
    "decompress FIFO -o out.nii",
    "decompress four.vsl -o FIFO --force",
    "verify FIFO",
    "verify four.vsl FIFO",
    "train FIFO -o out",
    "train small.yaml -o FIFO --force",
    "train small.yaml -o out data.manifest=FIFO",
    "train detect/head_ct_phantom -o out data.manifest=heads/m.jsonl data.encoder=FIFO --device cpu",
    "train detect/head_from_embeddings -o out data.embeddings=FIFO data.labels=vectors.npy --device cpu",
    "train detect/head_from_embeddings -o out data.embeddings=vectors.npy data.labels=FIFO --device cpu",
    "predict FIFO scan.nii.gz -o out",
    "predict segmenter FIFO -o out",
    "predict segmenter scan.nii.gz -o FIFO --force",
    "embed FIFO scan.nii.gz -o out",
    "embed encoder FIFO -o out",
    "embed encoder scan.nii.gz -o FIFO --force",
    "embed encoder scan.nii.gz -o out --cache FIFO",
    "evaluate codec FIFO -o out",
    "evaluate codec four.nii -o FIFO --force",
    "evaluate codec four.nii -o out --judge FIFO",
    "evaluate masks FIFO cohort -o out",
    "evaluate masks cohort FIFO -o out",
    "evaluate masks cohort cohort -o FIFO --force",
    "evaluate label-efficiency FIFO -o out",
    "evaluate classifier FIFO heads/m.jsonl -o out",
    "evaluate classifier detector FIFO -o out",
    "evaluate classifier detector heads/m.jsonl -o FIFO --force",
    "evaluate classifier detector heads/m.jsonl -o out --cache FIFO",
    "evaluate classifier detector --embeddings FIFO --labels vectors.npy -o out",
    "evaluate classifier detector --embeddings vectors.npy --labels FIFO -o out",
    "weights list FIFO",
    "weights import FIFO --layout dinov2 -o out",
    "weights import encoder --layout dinov2 -o FIFO --force",
    "export FIFO -o out.onnx",
    "export encoder -o FIFO --force",
    "report FIFO",
    "search FIFO scan.nii.gz",
]
"""Where the path is given on the command line."""

WITHIN = [
    ("series/1.dcm", "inspect series"),
    ("series/1.dcm", "compress series -o out.vsl"),
    ("series/odd", "compress series -o out"),
    ("series/1.dcm", "evaluate codec series -o out --points 2 --coders jpegxl"),
    ("series/odd", "cohort build dicom series -o out.jsonl"),
    ("series/odd.nii", "inspect series"),
    ("series/odd.vsl", "inspect series"),
    ("four.bval", "inspect four.nii"),
    ("four.bval", "convert four.nii -o out.npy"),
    ("pair.hdr", "inspect pair.img"),
    ("pair.img", "inspect pair.hdr"),
    ("values.raw", "inspect values.nhdr"),
    ("values.raw", "inspect values.mhd"),
    ("cohort/c0.nii.gz", "cohort audit cohort/m.jsonl", "c0: image 'image'"),
    ("cohort/c0_seg.nii.gz", "cohort audit cohort/m.jsonl", "c0: mask 'mask'"),
    ("cohort/c0.nii.gz", "cohort shard cohort/m.jsonl -o out"),
    ("cohort/c0.nii.gz", "cohort build auto cohort -o out.jsonl"),
    ("cohort/c0.nii.gz", "predict segmenter cohort/m.jsonl -o out --device cpu --threads 1"),
    ("cohort/c0.nii.gz", "predict segmenter cohort -o out --device cpu --threads 1"),
    ("cohort/c0.nii.gz", "train small.yaml -o out --device cpu --threads 1"),
    ("cohort/c0_seg.nii.gz", "evaluate masks cohort/m.jsonl cohort/all.jsonl -o out"),
    ("heads/p00s0.nii.gz", "evaluate classifier detector heads/m.jsonl -o out --device cpu --threads 1"),
    ("scan.nii.gz", "predict detector series.csv -o out --device cpu --threads 1", "series.csv line 2"),
    ("acdc/patient001/Info.cfg", "cohort build acdc acdc -o out.jsonl"),
    ("acdc/patient001/Info.cfg", "evaluate codec acdc -o out --points 2"),
    ("acdc/patient001/patient001_4d.nii", "evaluate codec acdc -o out --points 2"),
    ("acdc/dataset.json", "cohort build msd acdc -o out.jsonl"),
    ("acdc/dataset.json", "cohort build nnunet acdc -o out.jsonl"),
    ("bids/participants.tsv", "cohort build bids bids -o out.jsonl"),
    ("bids/sub-1/anat/sub-1_T1w.json", "cohort build bids bids -o out.jsonl"),
    ("encoder/config.json", "export encoder -o out.onnx"),
    ("encoder/encoder.safetensors", "export encoder -o out.onnx"),
    ("encoder/preprocessor.json", "export encoder -o out.onnx"),
    ("encoder/preprocessor.json", "embed encoder scan.nii.gz -o out"),
    ("encoder/encoder.safetensors", "weights import encoder --layout dinov2 -o out"),
    ("encoder/README.md", "weights list encoder"),
    ("segmenter/config.json", "predict segmenter scan.nii.gz -o out"),
    ("segmenter/preprocessor.json", "predict segmenter scan.nii.gz -o out"),
    ("segmenter/README.md", "predict segmenter scan.nii.gz -o out"),
    ("detector/calibration.json", "predict detector scan.nii.gz -o out"),
    ("detector/config.json", "predict detector scan.nii.gz -o out"),
    ("detector/encoder.safetensors", "predict detector scan.nii.gz -o out"),
    ("out/summary.json", "report out"),
    ("out/model.json", "predict segmenter scan.nii.gz -o out"),
    ("out/config.yaml", "train small.yaml -o out --force"),
    ("out/config.yaml", "train small.yaml -o out --resume"),
    ("keys/uid.key", "compress series -o out.vsl --cache keys"),
]
"""Where it lies in a folder or beside a file that is given, and what the line names, if not its name."""


@pytest.mark.parametrize("words", GIVEN)
def test_a_path_that_is_given(words, vesalius, there):
    fifo = "link" if GIVEN.index(words) % 2 else "fifo"
    done = vesalius(*words.replace("FIFO", fifo).split())
    assert done.code == 2
    assert f"{fifo}: is a FIFO, not a file" in done.out + done.err
    lines = [line for line in (done.out + done.err).splitlines() if not line.startswith("warning: limits of the model")]
    assert len(lines) <= 2
    assert Path("fifo").is_fifo()


@pytest.mark.parametrize(("place", "words", "shown"), [(*one, Path(one[0]).name)[:3] for one in WITHIN])
def test_a_file_that_a_verb_finds(place, words, shown, vesalius, there):
    path = Path(place)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    done = vesalius(*words.split())
    assert done.code == 2
    (line,) = {line for line in (done.out + done.err).splitlines() if "FIFO" in line}
    assert shown in line
    assert path.is_fifo()


def test_devices_and_sockets(vesalius, there):
    assert vesalius("inspect", "/dev/zero").error.startswith("/dev/zero: is a device, not a file")
    assert vesalius("convert", "scan.nii.gz", "-o", "/dev/null", "--force").error.startswith("/dev/null: is a device")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket.nii")
        assert vesalius("inspect", "socket.nii").error.startswith("socket.nii: is a socket, not a file")


def test_every_verb_is_tried():
    tried = {tuple(words.split()) for words in GIVEN}

    def verbs(group, before=()):
        for name, command in group.commands.items():
            yield from verbs(command, (*before, name)) if hasattr(command, "commands") else [(*before, name)]

    every = set(verbs(typer.main.get_command(app)))
    missing = {one for one in every if not any(one == words[: len(one)] for words in tried)}
    assert missing == {
        ("app",),
        ("info",),
        ("weights", "fetch"),
    }  # app takes a model, as predict does; the others no path
