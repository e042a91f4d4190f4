"""Networks of a size for tests."""

VQGAN = {"inputs": 1, "width": 8, "multiples": [1, 1, 1], "blocks": 1, "dim": 4, "codes": 16, "groups": 4}
VQ = {"name": "vq", "codes": 16, "dim": 4}
TITOK = {
    "encoder": "micro", "decoder": "micro", "inputs": 1, "size": [24, 20], "patch": [4, 4], "latents": 6,
    "quantizer": VQ, "anchors": [[3, 2]],
}  # fmt: skip
FRAMES = {"name": "titok-tokens", "net": TITOK, "group": "frame"}
TWO_STAGES = {
    "name": "titok-tokens",
    "net": {**TITOK, "head": "codes", "codes": 16, "vqgan": VQGAN, "anchors": []},
    "group": "frame",
}
OVER_TIME = {
    "name": "spatio-temporal", "encoder": "micro", "decoder": "micro", "size": [24, 20], "patch": [4, 4],
    "latents": 6, "anchors": [[3, 2]], "group": "slice", "harmonics": 1, "width": 32, "heads": 2, "layers": 1,
    "quantizer": VQ, "takes_mean": True,
}  # fmt: skip
