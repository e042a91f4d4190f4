import os

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from dicom_making import placed, save_all
from real_data import real
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.read import open_image, open_mask
from vesalius.errors import InputError

DRAW = np.random.default_rng(0)


def cohort_of(root, **values):
    case = Case(id="a", **values)
    return Cohort((case,), root), case


def test_channels_in_the_fourth_axis(tmp_path):
    array = DRAW.integers(0, 99, (5, 4, 3, 2)).astype(np.int16)
    nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / "x.nii.gz")
    time = open_image(*cohort_of(tmp_path, images={"image": "x.nii.gz"}), "image")
    channels = open_image(*cohort_of(tmp_path, images={"image": "x.nii.gz"}, fourth_axis="channel"), "image")
    assert time.shape == (1, 2, 5, 4, 3)
    assert channels.shape == (2, 1, 5, 4, 3)
    assert channels.colour == "channels"
    np.testing.assert_array_equal(channels.stored(k=slice(1, 3))[:, 0], array.transpose(3, 0, 1, 2)[..., 1:])
    np.testing.assert_array_equal(channels.affine, np.eye(4))


def test_items_of_arrays(tmp_path):
    grey, rgb, volumes = (
        DRAW.integers(0, 256, (3, 6, 5)),
        DRAW.integers(0, 256, (2, 6, 5, 3)),
        DRAW.random((2, 4, 5, 6)),
    )
    np.savez_compressed(tmp_path / "x.npz", grey=grey, rgb=rgb, volumes=volumes, one=np.array(3))
    np.save(tmp_path / "y.npy", volumes)
    images = {"g": "x.npz#grey/2", "c": "x.npz#rgb/1", "v": "x.npz#volumes/0", "y": "y.npy#all/1"}
    images |= {"far": "x.npz#grey/3", "none": "x.npz#red/0", "one": "x.npz#one/0", "gone": "z.npz#a/0"}
    where = cohort_of(tmp_path, images=images)
    np.testing.assert_array_equal(open_image(*where, "g").stored()[0, 0, :, :, 0], grey[2].T)
    coloured = open_image(*where, "c")
    assert (coloured.shape, coloured.colour) == ((3, 1, 5, 6, 1), "rgb")
    np.testing.assert_array_equal(coloured.stored()[:, 0, :, :, 0], rgb[1].transpose(2, 1, 0))
    np.testing.assert_array_equal(open_image(*where, "v").stored()[0, 0], volumes[0])
    np.testing.assert_array_equal(open_image(*where, "y").stored()[0, 0], volumes[1])
    for name, told in [
        ("far", "none numbered 3"),
        ("none", "no readable array 'red'"),
        ("one", "single number"),
        ("gone", "No such file"),
    ]:
        with pytest.raises(InputError, match=told):
            open_image(*where, name)


def test_regions_of_pictures_and_their_masks(tmp_path):
    rgb, labels = DRAW.integers(0, 256, (6, 5, 3)).astype(np.uint8), DRAW.integers(0, 4, (6, 5)).astype(np.uint8)
    Image.fromarray(rgb).save(tmp_path / "x.png")
    coloured = Image.fromarray(labels)
    coloured.putpalette(list(range(12)))
    coloured.save(tmp_path / "m.png")
    images = {"part": "x.png#region/1,2,3,4", "far": "x.png#region/3,0,3,1", "gone": "y.png#region/0,0,1,1"}
    masks = {"mask": "m.png#region/1,2,3,4", "smaller": "m.png#region/0,0,4,4/2x2"}
    where = cohort_of(tmp_path, images=images, masks=masks)
    np.testing.assert_array_equal(open_image(*where, "part").stored()[:, 0, :, :, 0], rgb[2:6, 1:4].transpose(2, 1, 0))
    np.testing.assert_array_equal(open_mask(*where, "mask").stored()[0, 0, :, :, 0], labels[2:6, 1:4].T)
    with pytest.raises(InputError, match=r"x.png: region/3,0,3,1 reaches beyond its 5 x 6 pixels"):
        open_image(*where, "far")
    with pytest.raises(InputError, match="no such file"):
        open_image(*where, "gone")
    with pytest.raises(InputError, match="a mask is never resampled; write region/0,0,4,4"):
        open_mask(*where, "smaller")
    Image.fromarray(255 - rgb[::-1]).save(tmp_path / "x.png")
    again = open_image(*where, "part").stored()[:, 0, :, :, 0]
    np.testing.assert_array_equal(again, (255 - rgb[::-1])[2:6, 1:4].transpose(2, 1, 0))


@pytest.mark.parametrize("path", ["x.h5#x/0", "x.npz#x/0", "x.png#region/0,0,1,1", "x.svs#region/0,0,1,1/1x1"])
def test_no_item_is_read_from_a_fifo(tmp_path, path):
    os.mkfifo(tmp_path / path.partition("#")[0])
    with pytest.raises(InputError, match=f"{path[:3]}.*: is a FIFO, not a file"):
        open_image(*cohort_of(tmp_path, images={"image": path}), "image")


def test_a_region_of_a_dicom_picture_keeps_its_values(tmp_path):
    pixels = DRAW.integers(0, 999, (4, 5)).astype(np.uint16)
    (path,) = save_all([placed(pixels, (0, 0, 0), RescaleSlope=2, RescaleIntercept=-5)], tmp_path)
    whole = open_image(*cohort_of(tmp_path, images={"image": path.name}), "image")
    part = open_image(*cohort_of(tmp_path, images={"image": f"{path.name}#region/1,0,2,3"}), "image")
    np.testing.assert_array_equal(part.values(), whole.values()[:, :, 1:3, :3])
    np.testing.assert_allclose(part.affine[:3, 3], whole.affine[:3, 3] + whole.affine[:3, 0])


def test_a_changed_file_is_read_again(tmp_path):
    where = cohort_of(tmp_path, images={"image": "x.npz#a/0"})
    np.savez(tmp_path / "x.npz", a=np.zeros((1, 2, 2)))
    assert open_image(*where, "image").stored().sum() == 0
    np.savez(tmp_path / "x.npz", a=np.ones((2, 2, 2)))
    assert open_image(*where, "image").stored().sum() == 4


def test_masks_and_what_is_missing(tmp_path, make_nifti):
    make_nifti(name="m.nii")
    where = cohort_of(tmp_path, images={"image": "none.nii"}, masks={"mask": "m.nii"})
    assert open_mask(*where, "mask").shape[0] == 1
    with pytest.raises(InputError, match="no such file or folder"):
        open_image(*where, "image")
    with pytest.raises(InputError, match="case a: has no 'ED', only 'mask'"):
        open_mask(*where, "ED")


@pytest.mark.data
def test_a_picture_of_an_archive_is_upright():
    path = real("pneumonia-28/pneumoniamnist.npz")
    scan = open_image(*cohort_of(path.parent, images={"image": f"{path.name}#train_images/7"}), "image")
    with np.load(path) as archive:
        np.testing.assert_array_equal(scan.stored()[0, 0, :, :, 0].T, archive["train_images"][7])


def test_a_folder_with_a_loose_link_or_a_closed_one(tmp_path, monkeypatch):
    save_all([placed(np.full((4, 6), n, np.int16), (0, 0, n)) for n in range(3)], tmp_path / "in")
    (tmp_path / "in" / "gone").symlink_to("nowhere")
    where = cohort_of(tmp_path, images={"image": "in"}, series="50")
    assert open_image(*where, "image").shape[4] == 3

    def refusing(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.listdir", refusing)
    monkeypatch.setattr("os.scandir", refusing)
    with pytest.raises(InputError, match=r"in: cannot be listed \(Permission denied\)"):
        open_image(*where, "image")
