"""The cases of a store that are most similar to a scan: `vesalius search`."""
