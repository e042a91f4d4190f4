"""`evaluate codec`: coders compared on studies, by one set of definitions."""
