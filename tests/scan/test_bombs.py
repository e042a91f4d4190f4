"""Small files that inflate to more than is allowed: every reader refuses them in one line and takes no memory first.

All are read in one process whose memory is measured, with a limit of 16 MiB.
"""

import bz2
import gzip
import json
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file

from vesalius.codec.compress import compress_scan
from vesalius.codec.options import CompressConfig
from vesalius.cohort.manifest import read_manifest
from vesalius.config import read_table
from vesalius.errors import InputError
from vesalius.scan.open import open_scan

LIMIT, LARGE = 16 << 20, 64 << 20
_ZEROS = bytes(1 << 23)

READ = """
import json, resource, sys
from pathlib import Path
from vesalius import memory
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.case import Case
from vesalius.cohort.read import open_image
from vesalius.errors import VesaliusError
from vesalius.codec.decode import decode_scan
from vesalius.scan.open import open_scan
import imagecodecs, pydicom, tifffile, vesalius.scan.dicom.assemble, vesalius.scan.slicer.metaimage
import vesalius.scan.nifti.read
import vesalius.scan.slicer.nrrd, vesalius.scan.numpy_file, vesalius.scan.pictures.stack

memory.set_limit(int(sys.argv[1]))
folder, seen = Path(sys.argv[2]), {}
def peak():  # ru_maxrss would begin with the peak of what started this program
    status = Path("/proc/self/status")
    words = status.read_text().split() if status.exists() else []
    if "VmHWM:" in words:
        return int(words[words.index("VmHWM:") + 1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
for path in sorted(folder.iterdir()):
    before = peak()
    try:
        if path.name == "items.npz":
            case = Case(id="a", images={"image": "items.npz#images/1"})
            open_image(Cohort((case,), folder), case, "image").resident()
        elif path.suffix == ".vsl":
            decode_scan(path).resident()
        else:
            open_scan(path).resident()
        said = "read"
    except VesaliusError as error:
        said = str(error)
    seen[path.name] = said, peak() - before
print(json.dumps(seen))
"""


def _nrrd(encoding, data, size=LARGE):
    head = f"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 1024 1024 {size >> 20}\nencoding: {encoding}\n\n"
    return head.encode() + data


def _mha(data):
    sizes = f"1024 1024 {LARGE >> 20}"
    head = f"NDims = 3\nDimSize = {sizes}\nElementType = MET_UCHAR\nCompressedData = True\nElementDataFile = LOCAL\n"
    return head.encode() + data


def _nifti():
    header = nib.Nifti1Header()
    header.set_data_shape((1024, 1024, LARGE >> 20))
    header.set_data_dtype(np.uint8)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    return header.binaryblock + bytes(4)


def _gzip(data=b""):
    return gzip.compress(data, 1) + gzip.compress(_ZEROS, 1) * (LARGE // len(_ZEROS))


def _zlib():
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(_ZEROS) for _ in range(LARGE // len(_ZEROS))) + packer.flush()


def _npz(path, name):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open(name, "w") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": (LARGE >> 20, 1024, 1024)}
        )
        for _ in range(LARGE // len(_ZEROS)):
            file.write(_ZEROS)


def _png(depth):
    """4096 x 4096 pixels of zeros, RGB or 16 bits grey."""
    side, colour, row = 4096, (2 if depth == 8 else 0), 1 + 4096 * (3 if depth == 8 else 2)
    packer = zlib.compressobj(1)
    chunks = [packer.compress(bytes(row * 64)) for _ in range(side // 64)] + [packer.flush()]
    parts = [
        (b"IHDR", struct.pack(">2I5B", side, side, depth, colour, 0, 0, 0)),
        (b"IDAT", b"".join(chunks)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def _tiff(path, pages, side, tile, **options):
    import tifffile

    shape = (pages, side, side)
    tifffile.imwrite(path, tile and (tile for _ in range(pages)), shape=shape, dtype=np.uint8, **options)


def _large_element(path):
    """128 MiB, sparse, in a private element before the pixels."""
    whole = Path(get_testdata_file("CT_small.dcm")).read_bytes()
    at = whole.index(b"\xe0\x7f\x10\x00OW")
    with path.open("wb") as file:
        file.write(whole[:at] + struct.pack("<2H2s2xI", 0x7FDF, 0x1001, b"OB", 128 << 20))
        file.seek(128 << 20, 1)
        file.write(whole[at:])


def _dicom(path):
    """Frames of 1 MiB in a sparse file."""
    data = dcmread(get_testdata_file("CT_small.dcm"))
    data.NumberOfFrames, data.Rows, data.Columns, data.PixelData = LARGE >> 20, 1024, 512, b"\0\0"
    del data.DataSetTrailingPadding
    data.save_as(path)
    with path.open("r+b") as file:
        file.seek(-6, 2)
        file.write(struct.pack("<I", LARGE))
        file.truncate(file.tell() + LARGE)


@pytest.fixture(scope="module")
def bombs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bombs")
    (folder / "a.nii.gz").write_bytes(_gzip(_nifti()))
    (folder / "gzip.nrrd").write_bytes(_nrrd("gzip", _gzip()))
    (folder / "bzip2.nrrd").write_bytes(_nrrd("bzip2", bz2.compress(_ZEROS) * (LARGE // len(_ZEROS))))
    (folder / "text.nrrd").write_bytes(_nrrd("ascii", b"0 " * (1 << 20), 1 << 20))
    (folder / "hex.nrrd").write_bytes(_nrrd("hex", b"00" * (3 << 20), 3 << 20))
    (folder / "a.mha").write_bytes(_mha(_zlib()))
    _npz(folder / "a.npz", "image.npy")
    _npz(folder / "items.npz", "images.npy")
    (folder / "8.png").write_bytes(_png(8))
    (folder / "16.png").write_bytes(_png(16))
    Image.new("L", (4000, 4000)).save(folder / "a.jpg")
    _tiff(folder / "pages.tif", 20, 1024, None)
    _tiff(folder / "deflate.tif", 20, 1024, zlib.compress(bytes(1 << 20)), compression="zlib", rowsperstrip=1024)
    _tiff(folder / "strip.tif", 2, 64, _zlib(), compression="zlib", rowsperstrip=64)
    _dicom(folder / "frames.dcm")
    _large_element(folder / "element.dcm")
    deflated = Path(get_testdata_file("image_dfl.dcm")).read_bytes()
    start = 144 + int.from_bytes(deflated[140:144], "little")
    packer = zlib.compressobj(1, wbits=-15)
    bomb = b"".join(packer.compress(_ZEROS) for _ in range(LARGE // len(_ZEROS))) + packer.flush()
    (folder / "deflated.dcm").write_bytes(deflated[:start] + bomb)
    np.save(folder / "a.npy", np.zeros((512, 512, 68), np.uint8))
    compress_scan(open_scan(folder / "a.npy"), folder / "a.vsl", CompressConfig(coder="deflate"))
    (folder / "a.npy").unlink()
    return folder


def test_tables_of_text_are_weighed(tmp_path, memory_limit):
    """Sparse files: a manifest, a configuration and a list of b-values that would take gigabytes."""
    memory_limit(LIMIT)
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4, 5), np.int16), np.eye(4)), tmp_path / "a.nii")
    for name in ("a.jsonl", "a.csv", "a.yaml", "a.bval"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(4 << 30)
    for name, read in (
        ("a.jsonl", read_manifest),
        ("a.csv", read_manifest),
        ("a.yaml", read_table),
        ("a.bval", lambda path: open_scan(path.with_suffix(".nii"))),
    ):
        with pytest.raises(InputError, match=f"{name}: needs .* GiB of memory, 16 MiB are allowed"):
            read(tmp_path / name)


def test_a_bomb_is_refused_before_it_goes_off(bombs):
    done = subprocess.run([sys.executable, "-c", READ, str(LIMIT), bombs], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert set(seen) == {path.name for path in bombs.iterdir()}
    for name, (said, grown) in seen.items():
        assert f"{name}: " in said
        assert len(said) <= 500
        if name == "strip.tif":  # its page is small: the decoder itself stops at the size that the page states
            assert "cannot be read as a picture" in said
        else:
            assert re.search(r"needs \d+(\.\d)? (MiB|GiB) of memory, 16 MiB are allowed; raise --memory", said), said
        assert grown < LIMIT, f"{name} took {grown >> 20} MiB"
