import pytest

from vesalius.cohort.features_index import Index, read_index
from vesalius.errors import InputError

HEAD = "row,case,item,rows,key\n"
SOUND = HEAD + '0,"a, b",4,2,k0\n1,"a, b",7,2,k0\n2,c,0,1,k1\n'


def index_of(tmp_path, text):
    path = tmp_path / "index.csv"
    path.write_bytes(text.encode())
    return read_index(path)


def test_which_rows_belong_to_which_scan(tmp_path):
    assert index_of(tmp_path, HEAD) == Index({}, 0, len(HEAD), len(HEAD))
    assert index_of(tmp_path, SOUND) == Index({"k0": (0, 2), "k1": (2, 1)}, 3, len(SOUND), len(SOUND))


@pytest.mark.parametrize(
    "rest", ["3", "3,d,0,2,k2", "3,d,0,2,k2\n", "3,d,0,2,k2\n4,d,1,", '3,"d', "3,d,0,2,k2\n4,d,1,2,k2"]
)
def test_what_a_crash_leaves_does_not_count(tmp_path, rest):
    index = index_of(tmp_path, SOUND + rest)
    assert (index.rows, index.sound_bytes, index.file_bytes) == (3, len(SOUND), len(SOUND) + len(rest))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SOUND.replace("1,", "7,", 1), 3),  # another row
        (SOUND.replace("2,c", "nothing\n2,c"), 4),
        (SOUND.replace("7,2,k0", "7,2,k9"), 3),
        (SOUND + "3,d,0,1,k0\n4,e,0,1,k4\n", 5),  # a key twice
        (SOUND.replace("4,2,k0", "4,0,k0"), 2),
    ],
)
def test_damage_is_told_with_its_line(tmp_path, text, line):
    with pytest.raises(InputError, match=rf"line {line}: is damaged"):
        index_of(tmp_path, text)


def test_other_files_are_no_index(tmp_path):
    for text in ("", "a,b\n", HEAD[:-1]):
        with pytest.raises(InputError, match="does not begin with the columns"):
            index_of(tmp_path, text)
    with pytest.raises(InputError, match="cannot be read"):
        read_index(tmp_path / "none.csv")
