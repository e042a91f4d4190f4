"""Our lossless coder: weighted least-squares prediction over pictures and time, scale contexts, rANS."""
