"""Vesalius: medical scans into compact, tested representations and back. Research use only, not a medical device.

Every verb of the command line is a function here; each is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vesalius.codec.compress import compress_scan
    from vesalius.codec.decode import decode_scan
    from vesalius.codec.options import CompressConfig
    from vesalius.cohort.build import build_cohort
    from vesalius.cohort.cache import Cache
    from vesalius.cohort.case import Case
    from vesalius.cohort.cohort import Cohort
    from vesalius.cohort.features import FeatureStore
    from vesalius.cohort.loader import Loader
    from vesalius.cohort.manifest import read_manifest, write_manifest
    from vesalius.cohort.read import open_image, open_mask
    from vesalius.cohort.split import split_cohort
    from vesalius.errors import VesaliusError
    from vesalius.report.html import run_report
    from vesalius.scan.open import find_scans, open_scan
    from vesalius.scan.reading import Reading
    from vesalius.scan.scan import Scan
    from vesalius.tasks.cohort.audit import audit_cohort
    from vesalius.tasks.cohort.build import build_manifest
    from vesalius.tasks.cohort.shard import shard_cohort
    from vesalius.tasks.cohort.split import split_manifest
    from vesalius.tasks.compress.decompress import decompress, verify
    from vesalius.tasks.compress.run import compress
    from vesalius.tasks.convert import convert
    from vesalius.tasks.demo.run import demo
    from vesalius.tasks.embed import embed
    from vesalius.tasks.evaluate.classifier import evaluate_classifier
    from vesalius.tasks.evaluate.codec import evaluate_codec
    from vesalius.tasks.evaluate.masks import evaluate_masks
    from vesalius.tasks.info import info
    from vesalius.tasks.inspect import inspect
    from vesalius.tasks.phantom import phantom_cine, phantom_head_ct
    from vesalius.tasks.predict.run import predict
    from vesalius.tasks.train.run import train
    from vesalius.tasks.weights.export import export_model
    from vesalius.tasks.weights.fetch import fetch_weights
    from vesalius.tasks.weights.importing import import_weights
    from vesalius.tasks.weights.listing import list_weights
    from vesalius.transforms.prepare import Prepare
    from vesalius.weights.saved import from_pretrained

__version__ = "0.1.0"

_HOMES = {
    "Cache": "vesalius.cohort.cache:Cache",
    "Case": "vesalius.cohort.case:Case",
    "Cohort": "vesalius.cohort.cohort:Cohort",
    "CompressConfig": "vesalius.codec.options:CompressConfig",
    "FeatureStore": "vesalius.cohort.features:FeatureStore",
    "Loader": "vesalius.cohort.loader:Loader",
    "Prepare": "vesalius.transforms.prepare:Prepare",
    "Reading": "vesalius.scan.reading:Reading",
    "Scan": "vesalius.scan.scan:Scan",
    "VesaliusError": "vesalius.errors:VesaliusError",
    "audit_cohort": "vesalius.tasks.cohort.audit:audit_cohort",
    "build_cohort": "vesalius.cohort.build:build_cohort",
    "build_manifest": "vesalius.tasks.cohort.build:build_manifest",
    "compress": "vesalius.tasks.compress.run:compress",
    "compress_scan": "vesalius.codec.compress:compress_scan",
    "convert": "vesalius.tasks.convert:convert",
    "decode_scan": "vesalius.codec.decode:decode_scan",
    "decompress": "vesalius.tasks.compress.decompress:decompress",
    "demo": "vesalius.tasks.demo.run:demo",
    "embed": "vesalius.tasks.embed:embed",
    "evaluate_classifier": "vesalius.tasks.evaluate.classifier:evaluate_classifier",
    "evaluate_codec": "vesalius.tasks.evaluate.codec:evaluate_codec",
    "evaluate_masks": "vesalius.tasks.evaluate.masks:evaluate_masks",
    "export_model": "vesalius.tasks.weights.export:export_model",
    "fetch_weights": "vesalius.tasks.weights.fetch:fetch_weights",
    "find_scans": "vesalius.scan.open:find_scans",
    "from_pretrained": "vesalius.weights.saved:from_pretrained",
    "import_weights": "vesalius.tasks.weights.importing:import_weights",
    "info": "vesalius.tasks.info:info",
    "inspect": "vesalius.tasks.inspect:inspect",
    "list_weights": "vesalius.tasks.weights.listing:list_weights",
    "open_image": "vesalius.cohort.read:open_image",
    "open_mask": "vesalius.cohort.read:open_mask",
    "open_scan": "vesalius.scan.open:open_scan",
    "phantom_cine": "vesalius.tasks.phantom:phantom_cine",
    "phantom_head_ct": "vesalius.tasks.phantom:phantom_head_ct",
    "predict": "vesalius.tasks.predict.run:predict",
    "read_manifest": "vesalius.cohort.manifest:read_manifest",
    "run_report": "vesalius.report.html:run_report",
    "shard_cohort": "vesalius.tasks.cohort.shard:shard_cohort",
    "split_cohort": "vesalius.cohort.split:split_cohort",
    "split_manifest": "vesalius.tasks.cohort.split:split_manifest",
    "train": "vesalius.tasks.train.run:train",
    "verify": "vesalius.tasks.compress.decompress:verify",
    "write_manifest": "vesalius.cohort.manifest:write_manifest",
}

__all__ = [
    "Cache",
    "Case",
    "Cohort",
    "CompressConfig",
    "FeatureStore",
    "Loader",
    "Prepare",
    "Reading",
    "Scan",
    "VesaliusError",
    "__version__",
    "audit_cohort",
    "build_cohort",
    "build_manifest",
    "compress",
    "compress_scan",
    "convert",
    "decode_scan",
    "decompress",
    "demo",
    "embed",
    "evaluate_classifier",
    "evaluate_codec",
    "evaluate_masks",
    "export_model",
    "fetch_weights",
    "find_scans",
    "from_pretrained",
    "import_weights",
    "info",
    "inspect",
    "list_weights",
    "open_image",
    "open_mask",
    "open_scan",
    "phantom_cine",
    "phantom_head_ct",
    "predict",
    "read_manifest",
    "run_report",
    "shard_cohort",
    "split_cohort",
    "split_manifest",
    "train",
    "verify",
    "write_manifest",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vesalius' has no attribute {name!r}")
    module, attribute = _HOMES[name].split(":")
    return getattr(importlib.import_module(module), attribute)
