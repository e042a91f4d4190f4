"""Names of the transforms in configurations, and where they live."""

from __future__ import annotations

from vesalius.named import Table

TRANSFORMS = Table(
    "vesalius.transforms",
    "transform",
    {
        "affine": "affine:Affine",
        "blur": "blur:Blur",
        "center_crop": "crop:CenterCrop",
        "center_fit": "crop:CenterFit",
        "center_pad": "crop:CenterPad",
        "chain": "transform:Chain",
        "colour_jitter": "colour:ColourJitter",
        "contrast": "intensity:Contrast",
        "elastic": "elastic:Elastic",
        "equalize": "normalize:Equalize",
        "flip": "turn:Flip",
        "foreground_crop": "foreground:ForegroundCrop",
        "frames": "tempo:Frames",
        "grey_jitter": "intensity:GreyJitter",
        "greyscale": "colour:Greyscale",
        "label_crop": "foreground:LabelCrop",
        "modality_dropout": "channels:ModalityDropout",
        "monai": "adapter:Monai",
        "monai_dict": "adapter:MonaiDict",
        "neighbours": "channels:Neighbours",
        "percentiles": "normalize:Percentiles",
        "quarter_turn": "turn:QuarterTurn",
        "random_crop": "crop:RandomCrop",
        "random_resized_crop": "resize:RandomResizedCrop",
        "repeat": "normalize:Repeat",
        "resize": "resize:Resize",
        "scale_shift": "intensity:ScaleShift",
        "sometimes": "transform:Sometimes",
        "standardize": "normalize:Standardize",
        "tempo": "tempo:Tempo",
        "torchio": "adapter:TorchIO",
        "windows": "normalize:Windows",
        "zscore": "normalize:ZScore",
    },
)
