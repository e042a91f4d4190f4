"""What all tabs work with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from vesalius.app import html
from vesalius.app.jobs import Jobs
from vesalius.app.lines import line_of
from vesalius.app.models import Models
from vesalius.app.workspace import Workspace
from vesalius.errors import VesaliusError


@dataclass(frozen=True)
class Context:
    """The models, the private folder and the jobs of a page."""

    models: Models
    workspace: Workspace
    jobs: Jobs

    def line(self, error: Exception) -> str:
        """Return HTML that says what went wrong."""
        return html.error(line_of(error, str(self.workspace.root))[0])

    def run(self, session: str, tab: str, function: Callable[..., Any], *arguments: Any) -> Iterator[tuple[str, Any]]:
        """Run a job in a folder of its own; yield (HTML, None) while it runs, then (HTML, result).

        Args:
            session: of the browser.
            tab: whose last folder is replaced.
            function: called with `arguments`, the folder, and a report.
            arguments: of the function.
        """
        try:
            folder = self.workspace.fresh(session, tab)
            job = self.jobs.submit(session, function, *arguments, str(folder))
            for share, text in job.watched():
                yield html.progress(share, text), None
            yield html.status("Done"), job.result()
        except VesaliusError as error:
            yield self.line(error), None

    def cancel(self, session: str) -> str:
        """Cancel the job of a session; return HTML."""
        return html.status("Cancelling" if self.jobs.cancel(session) else "There is nothing to cancel")

    def leave(self, session: str) -> None:
        """Cancel and forget everything of a session."""
        self.jobs.cancel(session)
        self.workspace.leave(session)
