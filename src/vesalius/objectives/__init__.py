"""Losses: modules that know tensors only."""
