import numpy as np
import pytest

from vesalius.codec import spill as module
from vesalius.codec.spill import room_for
from vesalius.errors import CorruptFileError

SHAPE = (2, 3, 4, 5, 6)


@pytest.mark.parametrize("limit", [1 << 20, 10])
def test_what_is_put_is_read(limit, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", limit)
    expected = np.arange(720, dtype=">i4").reshape(SHAPE)
    room = room_for(SHAPE, expected.dtype, tmp_path)
    for k in range(0, 6, 2):
        for t in range(3):
            room.put(slice(t, t + 1), slice(k, k + 2), expected[:, t : t + 1, :, :, k : k + 2])
    assert np.array_equal(room.read(), expected)
    assert np.array_equal(room.read(slice(1, 3), slice(2, 3)), expected[:, 1:3, :, :, 2:3])
    assert (room.shape, room.dtype, room.direct) == (SHAPE, expected.dtype, True)
    room.put(slice(0, 1), slice(0, 6), 7)
    assert (room.read(slice(0, 1)) == 7).all()


def test_no_space(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", 10)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(CorruptFileError, match="needs 720 bytes of temporary space"):
        room_for(SHAPE, np.dtype("u1"), tmp_path / "a.vsl")
