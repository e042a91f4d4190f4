"""The dictionary of version 2: what headers and tails usually hold, so that a file need not spell it out.

It is part of the format and never changes; `docs/vsl-format.md` repeats it.
"""

from __future__ import annotations

import struct


def _nifti_header() -> bytes:
    """Return the header of a usual NIfTI-1 file (352 bytes): a cine of float32, placed by an sform and a qform."""
    header = bytearray(352)
    for form, offset, values in (
        ("<i", 0, (348,)),
        ("<B", 38, (ord("r"),)),
        ("<8h", 40, (4, 256, 256, 10, 30, 1, 1, 1)),
        ("<3h", 68, (0, 16, 32)),
        ("<8f", 76, (1, 1, 1, 1, 1, 1, 1, 1)),
        ("<3f", 108, (352, 1, 0)),
        ("<B", 123, (10,)),
        ("<2h", 252, (1, 1)),
        ("<4s", 344, (b"n+1",)),
    ):
        struct.pack_into(form, header, offset, *values)
    return bytes(header)


_TEXT = (
    '"intensity":{"slope":[[null]],"inter":[[null]],"unit":"HU","problem":"","thickness_mm":null,"kind":"stack","slices":'
    '"colour":"channels","rgb","palette","inverted","ybr","modality":"CT","MR","t_meaning":"diffusion","echo",'
    '"spaces":["scanner"],["talairach"],["mni"],["template"],["unknown","scanner"],["aligned","unknown"],'
    '"display_state":{"window":[,"function":"LINEAR_EXACT","SIGMOID","first":,"bits":,"entries":,"padding":'
    '"pixel_aspect":,"directions":["L","P"]},'
    '"problems":["the time unit or the frame interval is not stated","neither sform nor qform is stated: the '
    'orientation is unknown, only the spacing is used","two spacings in the header, volumes and distances depend on '
    "it: the sform's is used, choose with --spacing-from sform or pixdim\"],"
    '"format":"raster","facts":{"kind":"png","colour":"grey","byteorder":"<"},"folder":true,"native_blobs":[],"blobs":[],'
    '"format":"numpy","facts":{"member":null},"native_blobs":["header"],"blobs":[{"name":"header","length":128}],'
    '"format":"dicom","facts":{"instances":,"shape":[]},"folder":true,"native_blobs":["common","own","order"],'
    '"blobs":[{"name":"common","length":},{"name":"own","length":},{"name":"order","length":}],'
    '{"name":"table of values 0","length":}],"table_blob":2,"table_length":,"whole":true,"masked":true,'
    '"dtype":"|u1","dtype":"<u2","dtype":"<f8","dtype":"<f4","dtype":"<i2",'
    '"tiers":[{"name":"lossy","kind":"bounded","coder":"jpegxl","coder_id":4,"coder_version":1,"frames_per_chunk":1,'
    '"slices_per_chunk":32,"exact":true,"low":0.0,"step":,"base_coder_id":6,"base_low":0.0,"base_step":,'
    '"target":"max error '
    '"tiers":[{"name":"lossless","kind":"lossless","coder":"wls","coder_id":16,"coder_version":1,"frames_per_chunk":30,'
    '"exact":true,"low":32768,"plane_bits":[12],"target":"lossless"},'
    '{"name":"lossy","kind":"lossy","coder":"x265","coder_id":5,"coder_version":1,"frames_per_chunk":30,'
    '"exact":true,"low":0.0,"step":1.0,"target":"quality 63"}],'
    '{"tiers":[{"psnr_db":30.0,"max_error":1.0,"tolerance":0.01,"tokens":"","note":"crf 40 of the mean"},'
    '{"sha256":"","psnr_db":30.0,"max_error":100.0,"tolerance":,"note":"fewest bytes on a sample"},'
    '{"sha256":"","note":"asked for"}]}'
    '{"tool":"vesalius 0.1.0","shape":[1,30,256,256,10],"dtype":"<i2","geometry":{"kind":"grid","affine":[-1.0,0.0,0.0,'
    '0.0,0.0,0.0,1.0]},"geometry":{"kind":"sform"},"intensity":{"slope":[[1.0]],"inter":[[0.0]]},'
    '"frame_ms":{"start":0.0,"step":1.0},"t_meaning":"time","peak":1000.0,"format":"nifti","facts":{"pair":false,'
    '"file_shape":[256,256,10,30],"file_dtype":"<i2"},"native_blobs":["before_pixels","pair_header"],'
    '"blobs":[{"name":"before_pixels","length":352},{"name":"pair_header","length":0}],'
    '"tiers":[{"name":"tokens","kind":"tokens","coder":"tokens","coder_id":19,"coder_version":1,"frames_per_chunk":30,'
    '"slices_per_chunk":10,"exact":false,"low":0.0,"high":1000.0,"model":"cine","digest":"","quality":1,"prefix":16,'
    '"target":"quality 1"}],"job":"",'
    '"tiers":[{"name":"lossy","kind":"lossy","coder":"svtav1","coder_id":6,"coder_version":1,"frames_per_chunk":30,'
    '"exact":true,"low":0.0,"step":0.1,"target":"PSNR 30 dB"}],"target":"ratio 100:1"}],"job":"'
)

DICTIONARY = _nifti_header() + _TEXT.encode()
