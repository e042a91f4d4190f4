"""Trained models on new scans: `vesalius predict`."""
