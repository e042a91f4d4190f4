"""Names of the networks and their parts in configurations, and where they live."""

from __future__ import annotations

from vesalius.named import Table

NETS = Table(
    "network",
    {
        "unet": "vesalius.nets.unet:UNet",
        "segresnet": "vesalius.nets.segresnet:SegResNet",
        "swin-encoder": "vesalius.nets.swinunetr:SwinEncoder",
        "swinunetr": "vesalius.nets.swinunetr:SwinUNETR",
        "voco": "vesalius.nets.voco:VocoEncoder",
        "voco-head": "vesalius.nets.voco:VocoHead",
        "voxel-head": "vesalius.nets.voco:VoxelHead",
        "unet-encoder": "vesalius.nets.unet_encoder:UNetEncoder",
        "ume": "vesalius.nets.ume:UME",
        "ume-decoder": "vesalius.nets.ume:UMEDecoder",
        "ume-segmenter": "vesalius.nets.ume:UMESegmenter",
        "vit": "vesalius.nets.vit:ViT",
        "dinov2": "vesalius.nets.vit:DinoV2",
        "bit": "vesalius.nets.bit:BiT",
        "resnet": "vesalius.nets.resnet:ResNet",
        "projection": "vesalius.nets.projection:Projection",
        "head": "vesalius.nets.head:Head",
        "classifier": "vesalius.nets.classifier:Classifier",
        "study-head": "vesalius.nets.head:StudyHead",
        "pyramid-unet": "vesalius.nets.pyramid_unet:PyramidUNet",
        "cycle": "vesalius.nets.cycle:CycleNet",
        "map-decoder": "vesalius.nets.pyramid_unet:MapDecoder",
        "vqgan": "vesalius.nets.vqgan:VqganNet",
        "titok": "vesalius.nets.titok:TiTokNet",
        "titok-tokens": "vesalius.nets.titok_tokenizer:TiTokTokens",
        "spatio-temporal": "vesalius.nets.spatio_temporal:SpatioTemporal",
        "autoencoder-kl": "vesalius.nets.autoencoder_kl:AutoencoderKL",
        "next-dit": "vesalius.nets.next_dit:NextDiT",
        "text-bytes": "vesalius.nets.text_bytes:TextBytes",
        "text-folder": "vesalius.nets.text_folder:TextFolder",
        "text-sentences": "vesalius.nets.text_sentences:TextSentences",
        "vae-folder": "vesalius.nets.vae_folder:VaeFolder",
        "vae-maisi": "vesalius.nets.vae_maisi:VaeMaisi",
    },
)
AGGREGATES = Table(
    "aggregation",
    {
        "mean": "vesalius.nets.aggregate:Mean",
        "max": "vesalius.nets.aggregate:Max",
        "top-k": "vesalius.nets.aggregate:TopK",
        "gated-attention": "vesalius.nets.aggregate:GatedAttention",
        "gru": "vesalius.nets.aggregate:Gru",
    },
)
QUANTIZERS = Table(
    "quantizer",
    {
        "vq": "vesalius.nets.vector_quantizer:VectorCodes",
        "fsq": "vesalius.nets.fsq:ScalarCodes",
        "gaussian": "vesalius.nets.gaussian_latents:GaussianLatents",
    },
)
