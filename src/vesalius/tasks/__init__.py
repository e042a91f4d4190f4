"""Jobs: what a command or a function of the package does from start to end."""
