import json

import nibabel as nib
import numpy as np
import pytest

from vesalius.errors import ConfigError, GeometryError, UsageError
from vesalius.scan.intensity import Intensity
from vesalius.scan.orient import reorient
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack
from vesalius.transforms.prepare import Prepare, ct_slices
from vesalius.transforms.view import to_view

AFFINE = nib.orientations.inv_ornt_aff(nib.orientations.axcodes2ornt("LPS"), (8, 10, 6)) @ np.diag([1.0, 1.5, 3.0, 1.0])


def volume(frames=1, channels=1, **facts):
    array = np.random.default_rng(0).integers(-500, 1500, (channels, frames, 8, 10, 6)).astype("i2")
    return Scan.from_array(array, AFFINE, **facts)


def organ(scan, above=500):
    array = (scan.values()[:1] > above).astype("u1")
    return Scan.from_array(array, scan.affine)


def test_nothing_asked_is_real_values():
    scan = volume(frames=3, intensity=Intensity.linear(0.5, -10))
    done = Prepare()(scan)
    assert done.dtype == np.float32
    np.testing.assert_array_equal(done, scan.values())


def test_grid_values_and_size_in_order():
    prepare = Prepare.build(
        orient="RAS",
        spacing_mm=(2, 3, 3),
        values=[{"name": "zscore"}],
        layout="CIJK",
        steps=[{"name": "center_fit", "size": [5, 5, 5], "fill": 9}],
    )
    scan = volume()
    done = prepare.sample(scan, {"organ": organ(scan)}, {"age": 60})
    # By hand, with nibabel for the orientation: pairs of voxels are averaged.
    turned = scan.values()[0, 0, ::-1, ::-1, :]
    pairs = turned.reshape(4, 2, 5, 2, 6).mean(axis=(1, 3))
    scored = (pairs - pairs.mean()) / pairs.std()
    np.testing.assert_allclose(done.image[0, :4], scored[..., :5], atol=1e-5)
    assert (done.image[0, 4] == 9).all()
    assert done.image.shape == (1, 5, 5, 5)
    mask = done.masks["organ"]
    assert mask.dtype == np.int16
    assert (mask[0, 4] == 0).all()
    upper = (turned > 500)[1::2, 1::2]  # half way up
    np.testing.assert_array_equal(mask[0, :4], upper[..., :5])
    assert done.facts == {"age": 60}


def test_pictures_of_a_view():
    scan = volume(frames=2)
    prepare = Prepare.build(
        values=[{"name": "windows", "windows": "brain-subdural-bone"}],
        layout="BCJI",
        plane="axial",
        steps=[{"name": "resize", "size": [20, 16]}],
    )
    done = prepare.sample(scan, {"organ": organ(scan)})
    assert done.image.shape == (12, 3, 20, 16)
    assert done.masks["organ"].shape == (12, 1, 20, 16)
    plain = to_view(organ(scan), "axial")
    np.testing.assert_array_equal(done.masks["organ"], plain.repeat(2, axis=2).repeat(2, axis=3))
    hu = to_view(scan, "axial")[:, 0]
    shown = Prepare.build(values=prepare.values, layout="BCJI", plane="axial")(scan)
    np.testing.assert_allclose(shown[:, 1], np.clip((hu + 20) / 200, 0, 1), atol=1e-6)


def test_one_picture():
    scan = Scan.from_array(np.arange(20, dtype="u1").reshape(1, 1, 4, 5, 1))
    done = Prepare(layout="CJI")(scan)
    np.testing.assert_array_equal(done[0], np.arange(20).reshape(4, 5).T)
    with pytest.raises(UsageError, match="6 pictures, CJI is one; take BCJI"):
        Prepare(layout="CJI")(volume())
    with pytest.raises(UsageError, match="2 frames, a volume CIJK has one"):
        Prepare(layout="CIJK")(volume(frames=2))


def test_modalities_become_channels():
    t1, t2 = volume(), Scan.from_array(volume().values()[:, :, ::-1], AFFINE)
    done = Prepare.build(layout="CIJK", values=[{"name": "zscore"}])([t1, t2])
    assert done.shape == (2, 8, 10, 6)
    np.testing.assert_allclose(done[0], done[1, ::-1], atol=1e-6)


def test_a_foreground_crop_takes_the_masks_along():
    array = np.zeros((1, 1, 8, 10, 6), "f4")
    array[..., 2:5, 3:7, 1:4] = 5
    scan = Scan.from_array(array, AFFINE)
    done = Prepare.build(steps=[{"name": "foreground_crop"}]).sample(scan, {"organ": organ(scan, 1)})
    assert done.image.shape == done.masks["organ"].shape == (1, 1, 3, 4, 3)
    assert (done.masks["organ"] == 1).all()
    with pytest.raises(UsageError, match="to steps"):
        Prepare.build(values=[{"name": "foreground_crop"}])(scan)


def test_colours_and_inverted_xrays():
    xray = Scan.from_array(np.array([[100, 300], [400, 900]], "u2")[None, None, :, :, None], colour="inverted")
    np.testing.assert_array_equal(Prepare()(xray)[0, 0, ..., 0], [[900, 700], [600, 100]])
    ybr = np.array([76, 85, 255], "u1").reshape(3, 1, 1, 1, 1)
    done = Prepare()(Scan.from_array(ybr, colour="ybr")).ravel()
    np.testing.assert_allclose(done, [254, 0, 0], atol=1.0)
    with pytest.raises(UsageError, match="the palette of these indices is unknown"):
        Prepare()(Scan.from_array(ybr[:1], colour="palette"))
    with pytest.raises(UsageError, match="complex64 are no image"):
        Prepare()(Scan.from_array(np.zeros((2, 2, 2), "c8")))


def test_not_a_number_is_refused_or_replaced():
    array = np.ones((2, 2, 2), "f4")
    array[0, 0] = np.nan, np.inf
    with pytest.raises(UsageError, match=r"NaN or infinite values; replace them in the file, .*non_finite"):
        Prepare()(Scan.from_array(array))
    assert Prepare(non_finite=-1)(Scan.from_array(array)).ravel().tolist() == [-1, -1, 1, 1, 1, 1, 1, 1]


def test_masks_must_lie_on_the_image():
    scan = volume()
    moved = AFFINE.copy()
    moved[0, 3] += 1
    for mask, words in [
        (Scan.from_array(np.zeros((8, 10, 5), "u1"), AFFINE), r"mask 'organ' has shape \(1, 8, 10, 5\)"),
        (Scan.from_array(np.zeros((8, 10, 6), "u1"), moved), "lies up to 1 mm beside the image"),
    ]:
        with pytest.raises(GeometryError, match=words):
            Prepare().sample(scan, {"organ": mask})
    with pytest.raises(UsageError, match="values other than whole numbers"):
        Prepare().sample(scan, {"organ": Scan.from_array(np.full((8, 10, 6), 0.5), AFFINE)})
    whole = Scan.from_array(np.full((8, 10, 6), 2.0), AFFINE)
    assert Prepare().sample(scan, {"organ": whole}).masks["organ"].dtype == np.int16


def test_slices_without_a_grid():
    heights = np.array([0.0, 1, 2, 4])
    origins = np.stack([np.zeros(4), np.zeros(4), heights], axis=1)
    stack = SliceStack(origins, np.tile([-1.0, 0, 0], (4, 1)), np.tile([0, -1.0, 0], (4, 1)))
    scan = Scan.from_array(np.arange(36.0).reshape(1, 1, 3, 3, 4), geometry=stack)
    with pytest.raises(GeometryError):
        Prepare(orient="RAS")(scan)
    assert Prepare(orient="RAS", resample=True)(scan).shape == (1, 1, 3, 3, 5)


def test_a_random_step_is_refused():
    with pytest.raises(ConfigError, match="a random transform cannot prepare a scan"):
        Prepare.build(steps=[{"name": "flip"}])
    with pytest.raises(ConfigError, match="a random transform"):
        Prepare.build(values=[{"name": "chain", "transforms": [{"name": "contrast"}]}])


def test_pictures_of_many_sizes_are_refused():
    array = np.zeros((1, 1, 5, 5, 2))
    array[0, 0, :2, 0, 0] = array[0, 0, :3, 0, 1] = 1
    with pytest.raises(UsageError, match="different sizes"):
        Prepare.build(layout="BCJI", steps=[{"name": "foreground_crop"}])(Scan.from_array(array))


def test_the_digest_follows_every_value():
    start = Prepare.build(values=[{"name": "zscore"}], steps=[{"name": "resize", "size": [4, 4]}])
    assert Prepare.model_validate(json.loads(start.model_dump_json())).digest() == start.digest()
    others = [
        {"resample": True}, {"orient": "RAS"}, {"spacing_mm": (1, 1, 1)}, {"non_finite": 0.0}, {"layout": "BCJI"},
        {"plane": "axial"}, {"display": "neurological"}, {"values": []}, {"steps": []},
        {"steps": [{"name": "resize", "size": [4, 5]}]}, {"values": [{"name": "zscore", "over": "nonzero"}]},
    ]  # fmt: skip
    base = start.model_dump(mode="json")
    digests = {Prepare.build(**{**base, **other}).digest() for other in others} | {start.digest()}
    assert len(digests) == len(others) + 1


def test_orientation_as_reorient_has_it():
    scan = volume(frames=2, channels=2)
    np.testing.assert_array_equal(Prepare(orient="PSR")(scan), reorient(scan, "PSR").values())


def test_a_spacing_along_some_axes_and_the_grid_it_gives():
    scan = Scan.from_array(np.random.default_rng(0).random((8, 6, 5)), np.diag([1.0, 2, 3, 1]))
    prepare = Prepare(layout="CIJK", spacing_mm=(2.0, None, None))
    assert prepare(scan).shape == (1, 4, 6, 5)
    placed = prepare.placed(scan)
    assert placed.spacing_mm == pytest.approx((2, 2, 3))
    assert placed.shape[2:] == prepare(scan).shape[1:]


def slices(hu):
    return Scan.from_array(np.full((12, 12, 2), hu, np.int16), np.eye(4))


def test_the_wide_window_is_that_of_meddinov3():
    for hu, clipped in ((-2000, -1000), (40, 40), (1500, 1000)):
        x = ct_slices()(slices(hu))
        assert x.shape == (2, 3, 224, 224)
        np.testing.assert_allclose(x, (clipped - 65.1084213) / 178.0166321, rtol=1e-5)


def test_three_windows_by_hand():
    for hu in (-100, 20, 75, 300, 3000):
        x = ct_slices("brain-subdural-bone", 32)(slices(hu))
        assert x.shape == (2, 3, 32, 32)
        for channel, (center, width) in enumerate(((40, 80), (80, 200), (600, 2800))):
            share = min(max((hu - (center - width / 2)) / width, 0), 1)
            np.testing.assert_allclose(x[:, channel], 2 * share - 1, atol=1e-5)
