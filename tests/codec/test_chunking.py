import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.scans import shapes
from vesalius.codec.chunking import FRAME_GROUP, GROUPED_VALUES, MAX_CHUNK_VALUES, STACKED_VALUES, Chunk, Chunking


@settings(max_examples=40, deadline=None)
@given(shapes(7), st.integers(1, 8))
def test_chunks_tile_the_scan(shape, frames_per_chunk):
    chunking = Chunking(shape, frames_per_chunk)
    seen = np.zeros((shape[1], shape[4]), dtype=int)
    for number, chunk in enumerate(chunking):
        assert chunk.number == number
        assert chunking[number] == chunk
        seen[chunk.t, chunk.slices] += 1
        assert 1 <= chunk.t_stop - chunk.t_start <= frames_per_chunk
    assert (seen == 1).all()
    assert len(chunking) == len(list(chunking)) == chunking.groups * shape[4]
    for number in (-1, len(chunking)):
        with pytest.raises(IndexError):
            chunking[number]


def test_chunks_run_through_a_slice_before_the_next():
    chunking = Chunking((1, 5, 2, 2, 2), 2)
    assert list(chunking) == [
        Chunk(0, 0, 0, 2),
        Chunk(1, 0, 2, 4),
        Chunk(2, 0, 4, 5),
        Chunk(3, 1, 0, 2),
        Chunk(4, 1, 2, 4),
        Chunk(5, 1, 4, 5),
    ]


@settings(max_examples=40, deadline=None)
@given(shapes(6), st.integers(1, 6), st.data())
def test_covering_is_the_fewest_chunks_that_hold_what_is_asked(shape, frames_per_chunk, data):
    chunking = Chunking(shape, frames_per_chunk)
    t, k = data.draw(st.slices(shape[1])), data.draw(st.slices(shape[4]))
    frames, slices = range(shape[1])[t], range(shape[4])[k]
    needed = {(f // frames_per_chunk, z) for f, z in itertools.product(frames, slices)}
    assert {(c.t_start // frames_per_chunk, c.k) for c in chunking.covering(t, k)} == needed
    assert len(chunking.covering(t, k)) == len(needed)


def test_access():
    shape = (1, 30, 8, 8, 3)
    assert Chunking.of(shape, "slice", temporal=True).frames_per_chunk == 30
    assert Chunking.of(shape, "frame", temporal=True).frames_per_chunk == FRAME_GROUP
    assert Chunking.of(shape, "frame", temporal=False).frames_per_chunk == 1
    assert Chunking.of((1, 2, 8, 8, 3), "frame", temporal=True).frames_per_chunk == 2


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.integers(1, 5000), st.integers(1, 4096), st.integers(1, 4096), st.booleans())
def test_chunks_stay_small(c, t, i, j, temporal):
    shape = (c, t, i, j, 1)
    for access in ("slice", "frame"):
        chunking = Chunking.of(shape, access, temporal=temporal)
        assert chunking.chunk_values == max(c * i * j * (x.t_stop - x.t_start) for x in chunking)
        assert chunking.frames_per_chunk == 1 or chunking.chunk_values <= GROUPED_VALUES
        assert chunking.chunk_values <= MAX_CHUNK_VALUES


@settings(max_examples=40, deadline=None)
@given(shapes(7), st.integers(1, 5))
def test_stacks_tile_a_still_scan(shape, slices_per_chunk):
    shape = (shape[0], 1, *shape[2:])
    chunking = Chunking(shape, 1, slices_per_chunk)
    stored = np.arange(np.prod(shape)).reshape(shape)
    back = np.zeros_like(stored)
    for number, chunk in enumerate(chunking):
        assert (chunk.number, chunking[number]) == (number, chunk)
        part = chunk.pictures(stored[:, chunk.t, :, :, chunk.slices])
        assert part.shape == (shape[0], chunk.depth, *shape[2:4])
        assert np.array_equal(part[:, 0], stored[:, 0, :, :, chunk.k])
        back[:, chunk.t, :, :, chunk.slices] = chunk.voxels(part)
    assert np.array_equal(back, stored)
    assert len(chunking) == len(list(chunking)) == -(-shape[4] // slices_per_chunk)
    for k in range(shape[4]):
        (only,) = chunking.covering(slice(None), slice(k, k + 1))
        assert only.k <= k < only.k + only.depth


def test_what_is_stacked():
    small, large = (1, 1, 35, 51, 36), (1, 1, 256, 256, 100)
    assert Chunking.of(small, "slice", temporal=True, stacked=True).slices_per_chunk == 36
    chunking = Chunking.of(large, "slice", temporal=True, stacked=True)
    assert chunking.slices_per_chunk == 25
    assert chunking.chunk_values <= STACKED_VALUES
    for stacked, access in ((False, "slice"), (True, "frame")):
        assert Chunking.of(large, access, temporal=True, stacked=stacked).slices_per_chunk == 1
    moving = Chunking.of((1, 20, 256, 256, 9), "slice", temporal=True, stacked=True)
    assert (moving.frames_per_chunk, moving.slices_per_chunk) == (20, 1)


def test_a_chunk_names_its_slices():
    assert Chunk(3, 7, 0, 4).name == "chunk 3 (slice 7)"
    assert Chunk(1, 8, 0, 1, 8).name == "chunk 1 (slices 8 to 15)"


def test_a_long_series_is_cut_evenly():
    chunking = Chunking.of((1, 1000, 256, 256, 1), "slice", temporal=True)
    assert chunking.frames_per_chunk == 250
    assert [chunk.t_stop - chunk.t_start for chunk in chunking] == [250] * 4
