"""Many scans: which there are, whose they are, what is known of them, how they are split, checked and loaded."""
