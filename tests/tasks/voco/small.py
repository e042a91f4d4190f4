"""A small cohort of volumes whose voxels say where they lie, and a run that fits it."""

from pathlib import Path

from vesalius.phantom.position import PositionOptions, write_position

SIZE = (24, 24, 8)
STILL = {"flip": 0, "quarter_turn": 0, "shift_p": 0}
GEOMETRY = {"grid": [3, 3, 1], "crop": [8, 8, 8], "changes": STILL}
METHODS = {
    "voco": {"name": "voco", "geometry": GEOMETRY, "hidden": 16, "outputs": 8},
    "voco-tpami": {"name": "voco-tpami", "geometry": GEOMETRY, "hidden": 16, "outputs": 8},
    "neighbours": {"name": "neighbours", "geometry": {"crop": [8, 8, 4]}, "hidden": 16, "outputs": 8},
    "mae": {"name": "mae", "crop": [8, 8, 8]},
}


def make_volumes(folder: Path, patients: int = 8, size=SIZE, noise: float = 0.05) -> Path:
    """Write volumes, and return their manifest."""
    return write_position(folder / "places", PositionOptions(patients=patients, size=size, noise=noise)).manifest


def table(manifest: Path, method="voco", **changes):
    """Keys of a small run with a method of this name, or with these keys."""
    keys = {
        "task": "voco",
        "data": {"manifest": str(manifest), "workers": 0, "ratios": [0.5, 0.25, 0.25]},
        "prepare": {"layout": "CIJK", "values": [{"name": "standardize", "mean": [500], "std": [300]}]},
        "batch": 2,
        "net": {"name": "unet-encoder", "channels": [4, 8], "units": 1},
        "method": METHODS[method] if isinstance(method, str) else method,
        "train": {
            "epochs": 2,
            "optimizer": {"lr": 0.001},
            "schedule": {"warmup_steps": 1},
            "log_every": 1,
            "checkpoint_every": 1,
        },
    }
    return keys | changes
