import av
import numpy as np
import pytest
from tests.codec.coders.pictures_for_tests import beating

from vesalius.codec.coders import parts, x265
from vesalius.codec.coders.x265 import X265
from vesalius.errors import CorruptFileError


def test_narrow_noise_comes_back():
    """x265 loses track of its own pictures where a frame is one block wide; frames are padded beyond that."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x_NJI = rng.integers(0, 2**11, (3, int(rng.integers(1, 80)), int(rng.integers(1, 65)))).astype(np.uint16)
        assert np.array_equal(X265().decode(X265().encode(x_NJI, 11, None, 1), x_NJI.shape, 11, 1), x_NJI)


@pytest.mark.parametrize("quality", X265.qualities[25::5])
def test_decoder_sees_what_the_encoder_saw(quality, monkeypatch):
    """The encoder's hash of each picture, checked by the decoder; at the coarse end x265 can overflow at 12 bits."""
    kept = []
    original = x265.strip_units
    monkeypatch.setattr(x265, "_PARAMETERS", {**x265._PARAMETERS, "hash": "1"})
    monkeypatch.setattr(x265, "strip_units", lambda packets: kept.extend(packets) or original(packets))
    for seed, noise in enumerate((0.0, 0.02, 0.4)):
        X265().encode(beating((4, 40, 100), 12, noise, seed), 12, quality, 1)
        context = av.CodecContext.create("hevc", "r")
        context.options = {"err_detect": "crccheck+explode"}
        frames = [frame for packet in [*kept, None] for frame in context.decode(packet and av.Packet(packet))]
        assert len(frames) == 4
        kept.clear()


def test_units_are_parameter_sets_and_one_slice_per_picture():
    x_NJI = beating((5, 40, 100), 10)
    data = X265().encode(x_NJI, 10, None, 1)
    kinds = [unit[0] >> 1 for unit in parts.split(data[1:], most=99)]
    assert kinds[:3] == [32, 33, 34]
    assert len(kinds) == 8
    assert all(kind < 32 for kind in kinds[3:])
    assert all(packet.startswith(b"\0\0\0\1") for packet in x265.packets(data[1:], 5))


def test_lossless_uses_the_past():
    """A still picture with noise, shown five times, costs little more than once."""
    one = beating((1, 64, 96), 12)
    five = np.repeat(one, 5, axis=0)
    assert len(X265().encode(five, 12, None, 1)) < 1.2 * len(X265().encode(one, 12, None, 1))


def test_foreign_units_are_refused():
    x_NJI = beating((2, 16, 80), 8)
    data = X265().encode(x_NJI, 8, None, 1)
    units = parts.split(data[1:], most=9)
    for changed in (units[:-1], [*units, units[-1]], [b"\x4e\x01\x05", *units], [b"\x02", *units], units[3:]):
        with pytest.raises(CorruptFileError):
            X265().decode(data[:1] + parts.join(changed), x_NJI.shape, 8, 1)
