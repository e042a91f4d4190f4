"""One configuration of every transform with layouts it takes, for tests that hold for all."""

import numpy as np

from vesalius.transforms.transform import Sample, read_transform

SHAPES = {"CJI": (3, 14, 11), "CIJK": (2, 9, 9, 6), "CTIJK": (1, 5, 8, 8, 3)}
ALL = ("CJI", "CIJK", "CTIJK")

CASES = [
    ({"name": "affine", "degrees": 20.0, "scale": [0.8, 1.2], "shift": 0.1}, ALL),
    ({"name": "affine", "axes": "IJK", "degrees": 20.0, "voxel": [1.0, 1.0, 3.0], "outside": -1.0}, ALL[1:]),
    ({"name": "affine", "axes": "IK", "degrees": 20.0}, ALL[1:]),
    ({"name": "blur"}, ALL),
    ({"name": "cavity", "mask": "organ", "label": 1}, ("CIJK",)),
    ({"name": "center_crop", "size": [6, 5]}, ("CJI",)),
    ({"name": "center_crop", "size": [None, 5, 2]}, ("CIJK",)),
    ({"name": "center_fit", "size": [20, 5], "fill": -2.0}, ("CJI",)),
    ({"name": "center_pad", "size": [20, None, 12], "fill": 3.0}, ("CIJK",)),
    ({"name": "center_pad", "size": [None, 9, 9, 4]}, ("CTIJK",)),
    ({"name": "chain", "transforms": [{"name": "flip"}, {"name": "contrast"}]}, ALL),
    ({"name": "coarse"}, ALL),
    ({"name": "colour_jitter", "strength": 0.5}, ("CJI",)),
    ({"name": "contrast"}, ALL),
    ({"name": "cut_out"}, ALL),
    ({"name": "elastic", "spans": 3, "strength": 0.4}, ALL),
    ({"name": "elastic", "axes": "IJK", "spans": 2, "outside": 0.0}, ALL[1:]),
    ({"name": "equalize", "bins": 64}, ALL),
    ({"name": "flip", "axes": "IJ"}, ALL),
    ({"name": "foreground_crop", "above": 0.5, "margin": 1}, ALL),
    ({"name": "frames", "count": 7}, ("CTIJK",)),
    ({"name": "gamma"}, ALL),
    ({"name": "grey_jitter"}, ALL),
    ({"name": "greyscale"}, ("CJI",)),
    ({"name": "label_crop", "size": [4, 3], "mask": "organ"}, ("CJI",)),
    ({"name": "label_crop", "size": [4, 3, 2], "mask": "organ"}, ("CIJK",)),
    ({"name": "modality_dropout", "channels": 2, "p": 0.9, "fill": -1.0}, ("CIJK",)),
    ({"name": "neighbours"}, ALL[1:]),
    ({"name": "noise"}, ALL),
    ({"name": "noise", "magnitude": False}, ALL),
    ({"name": "percentiles", "low": 5.0, "high": 90.0, "over": "nonzero"}, ALL),
    ({"name": "quarter_turn"}, ALL[1:]),
    ({"name": "random_crop", "size": [5, 7]}, ("CJI",)),
    ({"name": "random_crop", "size": [2, 4, 5, None]}, ("CTIJK",)),
    ({"name": "random_resized_crop", "size": [9, 8]}, ("CJI",)),
    ({"name": "resize", "size": [9, 20]}, ("CJI",)),
    ({"name": "resize", "size": [4, 12, 6], "kernel": "cubic"}, ("CIJK",)),
    ({"name": "scale_shift", "channels": 2}, ("CIJK",)),
    ({"name": "scale_shift", "channels": None}, ALL),
    ({"name": "shading"}, ALL),
    ({"name": "sometimes", "p": 0.5, "transform": {"name": "flip", "p": 1.0}}, ALL),
    ({"name": "standardize", "clip": [0.1, 0.9], "mean": [0.5], "std": [0.25]}, ALL),
    ({"name": "tempo", "rate": [0.6, 1.5]}, ("CTIJK",)),
    ({"name": "zscore", "over": "nonzero"}, ALL),
    ({"name": "windows", "windows": [[0.4, 0.2], [0.5, 1.0]]}, ("CTIJK",)),
    ({"name": "picture_channels", "count": 1}, ("CJI",)),
    ({"name": "repeat", "channels": 3}, ("CTIJK",)),
]
EACH = [(config, layout) for config, layouts in CASES for layout in layouts]
IDS = [f"{config['name']}-{config.get('axes', '')}-{layout}" for config, layout in EACH]


def transform(config):
    return read_transform(config)


def image(layout, dtype="f4", seed=0):
    """A smooth image from 0 to 1 with zeros at its border."""
    shape = SHAPES[layout]
    x = np.zeros(shape)
    inner = tuple(slice(1, -1) if size > 3 else slice(None) for size in shape[1:])
    x[(slice(None), *inner)] = np.random.default_rng(seed).random(x[(slice(None), *inner)].shape)
    return x.astype(dtype)


def sample(layout, seed=0):
    x = image(layout, seed=seed)
    return Sample(x, {"organ": (x[:1] > 0.5).astype("i2")}, {"age": 3})


def to_tensor(given, torch):
    masks = {name: torch.from_numpy(mask) for name, mask in given.masks.items()}
    return Sample(torch.from_numpy(given.image), masks, given.facts)
