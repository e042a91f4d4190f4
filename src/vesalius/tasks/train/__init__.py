"""Training of any job: `vesalius train`."""
