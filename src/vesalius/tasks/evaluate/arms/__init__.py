"""Arms of a comparison: a training for each arm and seed, and what its model predicts."""
