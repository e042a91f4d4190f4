import pytest

from vesalius.cohort.item import ArrayItem, TarMember, split_item
from vesalius.scan.region import Region


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a.npz#train/12", ("a.npz", ArrayItem("train", 12))),
        ("a.npz", ("a.npz", None)),
        ("a#b/3.png", ("a#b/3.png", None)),
        ("a#b.npz#x/0", ("a#b.npz", ArrayItem("x", 0))),
        ("a.npz#x", ("a.npz#x", None)),
        ("a.npy#/3", ("a.npy", ArrayItem("", 3))),
        ("a.H5#group/x/3", ("a.H5", ArrayItem("group/x", 3))),
        ("a.jpg#region/1,2,3,4", ("a.jpg", Region(1, 2, 3, 4))),
        ("a.svs#region/1,2,3,4/5x6", ("a.svs", Region(1, 2, 3, 4, (5, 6)))),
        ("a.jpg#region/1,2,0,4", ("a.jpg#region/1,2,0,4", None)),
        ("a.svs#region/1,2,3,4/0x6", ("a.svs#region/1,2,3,4/0x6", None)),
        ("a.jpg#region/1,2,-3,4", ("a.jpg#region/1,2,-3,4", None)),
        ("a.jpg#region/1,2,3", ("a.jpg#region/1,2,3", None)),
        ("#region/1,2,3,4", ("#region/1,2,3,4", None)),
        ("a.tar#k.png", ("a.tar", TarMember("k.png"))),
        ("A.TAR#b.tar#c.png", ("A.TAR", TarMember("b.tar#c.png"))),
        ("a.tar#", ("a.tar#", None)),
    ],
)
def test_a_path_names_a_file_and_an_item(path, parts):
    assert split_item(path) == parts


@pytest.mark.parametrize("item", [ArrayItem("x", 3), Region(1, 2, 3, 4), Region(1, 2, 3, 4, (5, 6))])
def test_the_text_of_an_item_names_it_again(item):
    assert split_item(f"a.h5#{item.text}") == ("a.h5", item)
