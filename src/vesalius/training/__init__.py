"""The one training loop. It knows nothing of scans or nets: a task is handed to it."""
