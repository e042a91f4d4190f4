import numpy as np
import pytest
import torch

from nets.tiny_tokenizer import CELL, Tiny, make_tokenizer
from tasks.detect.tiny import make_encoder
from vesalius.errors import InputError, UsageError
from vesalius.phantom.nifti import write_nifti
from vesalius.scan.open import open_scan
from vesalius.tasks.encode.slices import SliceConfig
from vesalius.tasks.encode.token_encoder import TokenEncoder


@pytest.fixture
def scan(tmp_path):
    """3 slices of 4 frames, 12 x 16 pixels."""
    values_TIJK = np.random.default_rng(0).integers(0, 1000, (4, 16, 12, 3)).astype(np.int16)
    write_nifti(tmp_path / "scan.nii.gz", values_TIJK, np.eye(4))
    return open_scan(tmp_path / "scan.nii.gz")


def test_a_row_is_the_mean_and_root_mean_square_of_what_the_tokens_stand_for(scan, tmp_path):
    encoder = TokenEncoder.from_pretrained(make_tokenizer(tmp_path / "model"))
    slices = encoder.slices(scan)
    rows_KD, numbers = encoder.rows(slices, SliceConfig())
    assert (rows_KD.shape, numbers.tolist(), encoder.width) == ((3, 8), [0, 1, 2], 8)
    values_TKJI = slices.values_BCJI.reshape(4, 3, 12, 16)
    low, high = np.percentile(values_TKJI, (0.1, 99.9))
    x_TKJI = np.clip((values_TKJI - low) / (high - low), 0, 1)
    for k in range(3):
        for t in range(4):
            cells = [
                x_TKJI[t, k, j : j + CELL, i : i + CELL].mean() for j in range(0, 12, CELL) for i in range(0, 16, CELL)
            ]
            step = 1 / (4 * 2**4)  # the quality in the middle of the ladder
            rounded = np.round(np.array(cells) / step) * step
            assert rows_KD[k, t] == pytest.approx(rounded.mean(), abs=step / 6)
            assert rows_KD[k, 4 + t] == pytest.approx(np.sqrt((rounded**2).mean()), abs=step / 6)


def test_slices_are_chosen_and_the_digest_follows_the_weights(scan, tmp_path):
    encoder = TokenEncoder.from_pretrained(make_tokenizer(tmp_path / "model"))
    rows_KD, numbers = encoder.rows(encoder.slices(scan), SliceConfig(stride=2))
    assert (len(rows_KD), numbers.tolist()) == (2, [0, 2])
    again = TokenEncoder.from_pretrained(make_tokenizer(tmp_path / "again"))
    other = TokenEncoder.from_pretrained(make_tokenizer(tmp_path / "other", Tiny(components=3)))
    assert encoder.digest() == again.digest() != other.digest()


def test_what_does_not_fit_is_one_line(scan, tmp_path):
    encoder = TokenEncoder.from_pretrained(make_tokenizer(tmp_path / "model"))
    with pytest.raises(UsageError, match="no block groups"):
        encoder.endpoint_widths()
    with pytest.raises(UsageError, match="takes whole scans"):
        encoder.through("wide")
    write_nifti(tmp_path / "flat.nii.gz", np.full((2, 8, 8, 2), 5, np.int16), np.eye(4))
    with pytest.raises(UsageError, match="all of one value"):
        encoder.rows(encoder.slices(open_scan(tmp_path / "flat.nii.gz")), SliceConfig())
    with torch.no_grad():
        encoder.part.net.scale.fill_(float("nan"))
    with pytest.raises(UsageError, match="not finite"):
        encoder.rows(encoder.slices(scan), SliceConfig())
    with pytest.raises(InputError, match="no part called tokenizer"):
        TokenEncoder.from_pretrained(make_encoder(tmp_path / "vit"))
