"""The private folder of the page: uploads and results, readable by its user alone, removed at the end."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path
from threading import Lock

PREFIX = "vesalius-app-"


class Workspace:
    """Makes the folder (mode 700) and one folder for each job in it.

    Args:
        base: where it is made; None: the folder for temporary files.
    """

    def __init__(self, base: Path | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base)).resolve()
        self.uploads = self.root / "uploads"
        self.uploads.mkdir(mode=0o700)
        self._held: dict[tuple[str, str], Path] = {}
        self._lock = Lock()

    def fresh(self, session: str, tab: str) -> Path:
        """Return an empty folder for a job of a tab; that of the last job of the same tab is removed."""
        folder = self.root / f"{tab}-{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        with self._lock:
            old = self._held.pop((session, tab), None)
            self._held[session, tab] = folder
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
        return folder

    def leave(self, session: str) -> None:
        """Remove the folders of a session."""
        with self._lock:
            keys = [key for key in self._held if key[0] == session]
            folders = [self._held.pop(key) for key in keys]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.root, ignore_errors=True)
