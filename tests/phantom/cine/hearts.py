"""Small phantoms for tests, made once."""

from functools import cache

from vesalius.phantom.cine.grid import build_grid
from vesalius.phantom.cine.heart import build_heart
from vesalius.phantom.cine.labels import fit_heart
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import cine_patient
from vesalius.phantom.cine.subject import draw_subject
from vesalius.seeding import generator

SMALL = CineOptions.build(size=80, frames=10)
NAMES = {"NOR": "patient001", "DCM": "patient002", "HCM": "patient003", "MINF": "patient004", "RV": "patient005"}


@cache
def fitted(name, seed=0, size=80):
    """(subject, grid, heart) without pictures."""
    options = CineOptions.build(size=size, seed=seed)
    subject = draw_subject(options, name)
    heart = build_heart(subject, generator(seed, name, "heart"))
    grid = build_grid(heart, options, generator(seed, name, "grid"))
    return subject, grid, fit_heart(heart, grid, subject)


@cache
def patient(name, options=SMALL):
    return cine_patient(options, name)
