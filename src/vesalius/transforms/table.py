"""Names of the transforms in configurations, and where they live."""

from __future__ import annotations

from vesalius.named import Table

TRANSFORMS = Table(
    "transform",
    {
        "affine": "vesalius.transforms.affine:Affine",
        "blur": "vesalius.transforms.blur:Blur",
        "center_crop": "vesalius.transforms.crop:CenterCrop",
        "center_fit": "vesalius.transforms.crop:CenterFit",
        "center_pad": "vesalius.transforms.crop:CenterPad",
        "chain": "vesalius.transforms.transform:Chain",
        "colour_jitter": "vesalius.transforms.colour:ColourJitter",
        "contrast": "vesalius.transforms.intensity:Contrast",
        "elastic": "vesalius.transforms.elastic:Elastic",
        "equalize": "vesalius.transforms.normalize:Equalize",
        "flip": "vesalius.transforms.turn:Flip",
        "foreground_crop": "vesalius.transforms.foreground:ForegroundCrop",
        "frames": "vesalius.transforms.tempo:Frames",
        "grey_jitter": "vesalius.transforms.intensity:GreyJitter",
        "greyscale": "vesalius.transforms.colour:Greyscale",
        "label_crop": "vesalius.transforms.foreground:LabelCrop",
        "modality_dropout": "vesalius.transforms.channels:ModalityDropout",
        "monai": "vesalius.transforms.adapter:Monai",
        "monai_dict": "vesalius.transforms.adapter:MonaiDict",
        "neighbours": "vesalius.transforms.channels:Neighbours",
        "percentiles": "vesalius.transforms.normalize:Percentiles",
        "quarter_turn": "vesalius.transforms.turn:QuarterTurn",
        "random_crop": "vesalius.transforms.crop:RandomCrop",
        "random_resized_crop": "vesalius.transforms.resize:RandomResizedCrop",
        "repeat": "vesalius.transforms.normalize:Repeat",
        "resize": "vesalius.transforms.resize:Resize",
        "scale_shift": "vesalius.transforms.intensity:ScaleShift",
        "sometimes": "vesalius.transforms.transform:Sometimes",
        "standardize": "vesalius.transforms.normalize:Standardize",
        "tempo": "vesalius.transforms.tempo:Tempo",
        "torchio": "vesalius.transforms.adapter:TorchIO",
        "windows": "vesalius.transforms.normalize:Windows",
        "zscore": "vesalius.transforms.normalize:ZScore",
    },
)
