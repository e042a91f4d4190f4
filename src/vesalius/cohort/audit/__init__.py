"""What is wrong with a cohort, before anything is trained on it."""
