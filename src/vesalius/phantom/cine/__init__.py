"""A beating short-axis heart with known truth, written in the layout of ACDC."""
