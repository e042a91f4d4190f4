"""Trained models as folders: save, load, import, describe, export. They know no scans."""
