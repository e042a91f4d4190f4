import nibabel as nib
import numpy as np
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vesalius.codec.options import CompressConfig
from vesalius.scan.open import open_scan
from vesalius.scan.pictures.beside import beside
from vesalius.scan.pictures.picture import look
from vesalius.tasks.compress.decompress import verify
from vesalius.tasks.compress.run import compress

GREY = np.arange(40, dtype="u1").reshape(5, 8)
FAST = CompressConfig(coder="deflate")


def test_png(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "plain.png")
    assert beside(look(tmp_path / "plain.png")) == []
    text = PngInfo()
    text.add_text("Author", "somebody")
    Image.fromarray(GREY).save(tmp_path / "a.png", pnginfo=text, dpi=(72, 72))
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes() + b"more")
    assert sorted(beside(look(tmp_path / "a.png"))) == ["bytes behind the picture", "resolution", "text"]


def test_jpeg(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "plain.jpg")
    assert beside(look(tmp_path / "plain.jpg")) == []
    Image.fromarray(GREY).save(tmp_path / "a.jpg", dpi=(72, 72), comment=b"words", icc_profile=b"profile")
    assert sorted(beside(look(tmp_path / "a.jpg"))) == ["colour profile", "resolution", "text"]


def test_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "plain.tif", GREY, metadata=None, software=False)
    assert beside(look(tmp_path / "plain.tif")) == []
    tifffile.imwrite(tmp_path / "a.tif", GREY, metadata=None, description="words", software="s", resolution=(7, 7))
    assert sorted(beside(look(tmp_path / "a.tif"))) == ["ImageDescription", "Software", "resolution"]


def test_compress_and_verify_name_what_a_stack_loses(tmp_path):
    (tmp_path / "in").mkdir()
    for number in (1, 2):
        text = PngInfo()
        text.add_text("Author", f"somebody {number}")
        Image.fromarray(GREY + number).save(tmp_path / "in" / f"x{number}.png", pnginfo=text)
    (written,) = compress([tmp_path / "in"], tmp_path / "a.vsl", FAST).written
    assert [one.words for one in written.kept] == ["texts and settings beside the values: 1 not (text)"]
    assert verify(tmp_path / "a.vsl", tmp_path / "in").kept == written.kept


def test_nifti_names_blanked_fields_and_bytes_behind_the_values(tmp_path):
    image = nib.Nifti1Image(GREY[None].astype("<i2"), np.eye(4))
    image.header["descrip"], image.header["db_name"] = b"words", b"names"
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"a comment"))
    nib.save(image, tmp_path / "a.nii")
    compress([tmp_path / "a.nii"], tmp_path / "a.vsl", FAST)
    assert verify(tmp_path / "a.vsl", tmp_path / "a.nii").kept == ()  # all of it is kept
    stripped = CompressConfig(coder="deflate", identifiers="strip")
    (written,) = compress([tmp_path / "a.nii"], tmp_path / "b.vsl", stripped).written
    (told,) = written.kept
    assert (sorted(told.names), told.left_out) == (["db_name", "descrip", "extensions"], 3)
    assert verify(tmp_path / "b.vsl", tmp_path / "a.nii").kept == (told,)
    with (tmp_path / "a.nii").open("ab") as file:
        file.write(b"tail")
    packed = open_scan(tmp_path / "a.nii").native.pack("default", None)
    assert [one.words for one in packed.kept] == ["bytes behind the values: 4 not"]
    np.save(tmp_path / "a.npy", GREY)
    with (tmp_path / "a.npy").open("ab") as file:
        file.write(b"tails")
    assert [one.words for one in open_scan(tmp_path / "a.npy").native.pack("default", None).kept] == [
        "bytes behind the values: 5 not"
    ]
