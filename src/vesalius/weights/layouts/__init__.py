"""Layouts of public checkpoints: for each family its network and its key map."""
