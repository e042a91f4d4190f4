"""The job `voco`: self-supervised pre-training on volumes, and on cine with time as the third axis."""
