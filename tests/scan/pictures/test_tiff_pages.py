import struct

import numpy as np
import pytest
import tifffile

from vesalius.errors import InputError
from vesalius.scan.open import open_scan

PAGES = np.arange(9 * 20 * 24, dtype="u2").reshape(9, 20, 24)


def stack(path, *, big=False, order="<", **options):
    tifffile.imwrite(path, PAGES, bigtiff=big, byteorder=order, metadata=None, photometric="minisblack", **options)
    return path


def links(path):
    """Place of each number that leads to the next page, by another reader."""
    with tifffile.TiffFile(path) as file:
        big, order = file.is_bigtiff, file.byteorder
        places = []
        for page in file.pages:
            entries = len(page.tags)
            places.append(page.offset + (8 + 20 * entries if big else 2 + 12 * entries))
    return places, f"{order}{'Q' if big else 'L'}"


def relink(path, number, target):
    places, form = links(path)
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, places[number], target)
    path.write_bytes(data)


@pytest.mark.parametrize(("big", "order"), [(False, "<"), (False, ">"), (True, "<")])
def test_a_chain_that_leads_outside_the_file(big, order, tmp_path):
    path = stack(tmp_path / "a.tif", big=big, order=order)
    assert open_scan(path).shape == (1, 1, 24, 20, 9)
    assert not open_scan(path).problems
    relink(path, 2, path.stat().st_size + 1000)
    with pytest.raises(InputError, match="its list of pages breaks off after page 3"):
        open_scan(path)


def test_a_chain_that_returns(tmp_path):
    path = stack(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        second = file.pages[1].offset
    relink(path, 5, second)
    with pytest.raises(InputError, match="its list of pages returns to page 2"):
        open_scan(path)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_chain_that_ends_early_leaves_values_that_belong_to_no_page(compression, tmp_path):
    path = stack(tmp_path / "a.tif", compression=compression)
    assert not open_scan(path).problems
    relink(path, 0, 0)
    scan = open_scan(path)
    assert scan.shape[4] == 1
    assert any("belong to none of its 1 page(s): pages may be missing" in line for line in scan.problems)


def test_a_file_that_is_cut(tmp_path):
    path = stack(tmp_path / "a.tif")
    data = path.read_bytes()
    for share in (0.3, 0.6, 0.95):
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(InputError):
            open_scan(path).stored()


def test_values_outside_the_file(tmp_path):
    path = stack(tmp_path / "a.tif", compression="zlib")
    with tifffile.TiffFile(path) as file:
        tag = file.pages[4].tags["StripOffsets"]
        place = tag.valueoffset
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, place, len(data) - 3)
    path.write_bytes(data)
    with pytest.raises(InputError, match="the values of page 5 lie outside the file"):
        open_scan(path)


def test_a_large_stack_of_imagej_lists_its_first_page_only(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PAGES, imagej=True)
    assert open_scan(path).shape[4] == 9
    relink(path, 0, 0)
    with pytest.raises(InputError, match="states 9 pictures, but its list of pages has 1"):
        open_scan(path)
