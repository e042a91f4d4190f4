import json

import numpy as np
import pytest

import vesalius
from codec.scans import Kept, scan_of, smooth
from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import describe, header_scan
from vesalius.codec.options import CompressConfig
from vesalius.errors import CorruptFileError
from vesalius.scan.intensity import Intensity

STORED = smooth((1, 3, 16, 15, 2), np.uint16)


@pytest.fixture
def file(tmp_path):
    scan = scan_of(
        STORED,
        geometry=np.diag([1.0, 2.0, 3.0, 1.0]),
        intensity=Intensity.linear(2.0, -5.0, "HU"),
        modality="CT",
        native=Kept({"kept": b"abc"}),
    )
    compress_scan(scan, tmp_path / "a.vsl", CompressConfig(lossless=True, max_error=4, coder="jpegxl", threads=1))
    return tmp_path / "a.vsl"


def test_a_file_tells_what_it_is_without_decoding(file):
    told = describe(file)
    assert told == json.loads(json.dumps(told))
    size = file.stat().st_size
    assert (told["format_version"], told["tool"]) == ("1.0", f"vesalius {vesalius.__version__}")
    assert (told["source_format"], told["bytes"]) == ("numpy", size)
    assert told["ratio_16_bit"] == 2 * STORED.size / size
    assert told["bits_per_voxel"] == 8 * size / STORED.size
    low, high = np.percentile(2.0 * STORED - 5, [0.1, 99.9])
    assert told["peak"] == pytest.approx(high - low)
    assert told["attachments"]["kept"] == 3
    lossless, lossy = told["tiers"]
    assert (lossless["name"], lossless["target"], lossless["psnr_db"]) == ("lossless", "lossless", None)
    assert (lossy["coder"], lossy["target"], lossy["exact_decoder"]) == ("jpegxl", "max error 4", True)
    assert 0 < lossy["max_error"] <= 4


def test_the_facts_of_the_scan_are_there_without_pixels(file):
    scan = header_scan(file)
    assert (scan.shape, scan.dtype, scan.modality) == (STORED.shape, STORED.dtype, "CT")
    np.testing.assert_array_equal(scan.affine, np.diag([1.0, 2.0, 3.0, 1.0]))
    assert scan.intensity.unit == "HU"
    assert scan.pixels.array_CTIJK.strides == (0,) * 5


def test_a_damaged_file_is_refused(file):
    file.write_bytes(file.read_bytes()[:-3])
    for work in (describe, header_scan):
        with pytest.raises(CorruptFileError):
            work(file)
