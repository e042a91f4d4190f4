import numpy as np
import pytest
import torch

from nets.tiny_tokenizer import CELL, Tiny, make_tokenizer
from tasks.detect.tiny import make_encoder
from vesalius.codec.still import STILL, decoded_mean
from vesalius.errors import InputError, UsageError
from vesalius.nets.cycle import CycleNet
from vesalius.nets.titok import TiTokNet
from vesalius.nets.titok_tokenizer import TiTokTokens
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import cine_patient
from vesalius.phantom.nifti import write_nifti
from vesalius.scan.open import open_scan
from vesalius.tasks.encode.collection import case_vector, pooled
from vesalius.tasks.encode.motion import motion_width
from vesalius.tasks.encode.slices import SliceConfig
from vesalius.tasks.encode.token_encoder import TokenEncoder


@pytest.fixture
def scan(tmp_path):
    """3 slices of 4 frames, 12 x 16 pixels."""
    values_TIJK = np.random.default_rng(0).integers(0, 1000, (4, 16, 12, 3)).astype(np.int16)
    write_nifti(tmp_path / "scan.nii.gz", values_TIJK, np.eye(4))
    return open_scan(tmp_path / "scan.nii.gz")


def test_a_row_is_the_mean_and_root_mean_square_of_what_the_tokens_stand_for(scan, tmp_path):
    encoder = TokenEncoder.from_pretrained(make_tokenizer(tmp_path / "model", Tiny(takes_mean=False)))
    slices = encoder.slices(scan)
    rows_KD, numbers = encoder.rows(slices, SliceConfig())
    assert (rows_KD.shape, numbers.tolist(), encoder.width, encoder.pool) == ((3, 8), [0, 1, 2], 8, "mean")
    values_TKJI = slices.values_BCJI.reshape(4, 3, 12, 16)
    low, high = np.percentile(values_TKJI, (0.1, 99.9))
    x_TKJI = np.clip((values_TKJI - low) / (high - low), 0, 1)
    for k in range(3):
        for t in range(4):
            cells = [
                x_TKJI[t, k, j : j + CELL, i : i + CELL].mean() for j in range(0, 12, CELL) for i in range(0, 16, CELL)
            ]
            step = 1 / (4 * 2**6)  # the best quality of four
            rounded = np.round(np.array(cells) / step) * step
            assert rows_KD[k, t] == pytest.approx(rounded.mean(), abs=step / 6)
            assert rows_KD[k, 4 + t] == pytest.approx(np.sqrt((rounded**2).mean()), abs=step / 6)


def test_the_mean_picture_is_not_in_the_tokens_of_one_that_rests_on_it(scan, tmp_path):
    encoder = TokenEncoder.from_pretrained(make_tokenizer(tmp_path / "model"))
    slices = encoder.slices(scan)
    x_KTJI = encoder._cycle(slices)
    mean_KJI = torch.from_numpy(decoded_mean(x_KTJI.mean(1).numpy(), STILL))
    net = encoder.part.net
    values_KLD = net.values(net.encode(x_KTJI, mean_KJI, net.qualities[0]), net.qualities[0])
    np.testing.assert_allclose(encoder.rows(slices, SliceConfig())[0][:, :4], values_KLD.mean(1), atol=1e-6)


@pytest.mark.parametrize("net", [CycleNet(components=24, harmonics=2, width=8, depth=1, prior_width=4), "zoo"])
def test_amplitudes_in_cells_give_rows_of_motion(net, scan, tmp_path):
    model = "tokenize/cine_cycle" if net == "zoo" else make_tokenizer(tmp_path / "model", net)
    encoder = TokenEncoder.from_pretrained(model)
    rows_KN, numbers = encoder.rows(encoder.slices(scan), SliceConfig(most=2))
    assert rows_KN.shape == (2, encoder.width) == (2, motion_width(256 if net == "zoo" else 24))
    assert (numbers.tolist(), encoder.pool) == ([0, 2], "stack")
    again, _ = encoder.rows(encoder.slices(scan), SliceConfig(most=2))
    assert np.array_equal(rows_KN, again)


def test_a_titok_gives_means_of_its_codes(scan, tmp_path):
    net = TiTokNet(encoder="micro", decoder="micro", size=(16, 16), patch=(8, 8), latents=4)
    model = make_tokenizer(tmp_path / "model", TiTokTokens(net=net))
    encoder = TokenEncoder.from_pretrained(model)
    rows_KN, _ = encoder.rows(encoder.slices(scan), SliceConfig())
    assert rows_KN.shape == (3, encoder.width) == (3, 2 * net.quantizer.width)


def test_a_heart_finds_itself_in_another_crop_with_more_noise(tmp_path):
    encoder = TokenEncoder.from_pretrained("tokenize/cine_cycle")
    looks = {"crop": (64, 72), "noise": 0.03}, {"crop": (84, 92), "noise": 0.06}
    vectors = []
    for look in looks:
        options = CineOptions(seed=3, frames=8, size=192, **look)
        for name in ("patient001", "patient002", "patient003"):
            write_nifti(tmp_path / "heart.nii", cine_patient(options, name).image_TIJK, np.eye(4))
            rows_KN, _ = encoder.rows(encoder.slices(open_scan(tmp_path / "heart.nii")), SliceConfig())
            vectors.append(case_vector(pooled(rows_KN, "stack")))
    likeness = np.stack(vectors[3:]) @ np.stack(vectors[:3]).T
    assert likeness.argmax(1).tolist() == [0, 1, 2]


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
