"""Draws generated-nuclei.png: pictures that generate/nuclei makes of drawn masks.

Run: python docs/figures/make_generated_nuclei.py
"""

from pathlib import Path

import numpy as np

from vesalius.report.contact import Tile, contact_sheet
from vesalius.tasks.demo.images import CAPTIONS, MODEL, ellipses
from vesalius.tasks.generate.generator import Generator, Request

masks = [ellipses(seed) for seed in (0, 1)]
requests = [Request(caption, mask, seed) for seed, mask in enumerate(masks) for caption in CAPTIONS]
pictures = iter(Generator(MODEL).sample(requests))
tiles = []
for mask in masks:
    tiles.append(Tile("drawn mask\n", (mask * 255).astype(np.uint8)))
    tiles += [Tile(caption.replace(", ", ",\n"), next(pictures)) for caption in CAPTIONS]
Path(__file__).with_name("generated-nuclei.png").write_bytes(contact_sheet(tiles, columns=6))
