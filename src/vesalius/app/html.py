"""The pieces of HTML that the tabs share; every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from vesalius.app.slices import COLOURS
from vesalius.weights.card import NOTICE

CSS = """
.gradio-container { max-width: 1320px !important; margin: 0 auto !important; }
.vsl-notice { border-left: 4px solid #d55e00; padding: 0.4rem 0.8rem; font-size: 0.95rem; }
.vsl-status { min-height: 1.5rem; overflow-wrap: anywhere; }
.vsl-status progress { width: 100%; height: 0.8rem; appearance: none; border: 0; border-radius: 4px; overflow: hidden; }
.vsl-status progress, .vsl-status progress::-webkit-progress-bar { background: var(--border-color-primary); }
.vsl-status progress::-webkit-progress-value { background: #0072b2; }
.vsl-status progress::-moz-progress-bar { background: #0072b2; }
.vsl-error { border-left: 4px solid #cc3311; padding: 0.4rem 0.8rem; }
table.vsl-table { border-collapse: collapse; width: 100%; font-size: 0.95rem; border: 0 !important; }
.vsl-table tr { border: 0 !important; }
.vsl-table th, .vsl-table td { text-align: left; padding: 0.25rem 0.6rem 0.25rem 0; border: 0;
  border-bottom: 1px solid var(--border-color-primary); overflow-wrap: anywhere; }
.vsl-table td:first-child { overflow-wrap: normal; vertical-align: top; min-width: 5.5rem; }
.vsl-notes { margin: 0.3rem 0 0 1.1rem; padding: 0; font-size: 0.9rem; list-style: disc; }
.vsl-legend span.vsl-class { display: inline-flex; align-items: center; margin-right: 1rem; }
.vsl-legend i { width: 0.9rem; height: 0.9rem; border-radius: 2px; display: inline-block; margin-right: 0.35rem; }
.vsl-view img { width: 100%; object-fit: contain; background: #000; }
#generate-mask .empty { justify-content: flex-end; padding-bottom: 0.6rem; }
.file-preview .stem { white-space: normal !important; overflow-wrap: anywhere; }
.vsl-tall button { min-height: 44px; }
"""
"""Colours come from the theme, so that the page is light or dark as the browser wishes."""


def notice() -> str:
    """What stands at the top of every tab."""
    return f'<div class="vsl-notice">{escape(NOTICE)} What is dropped here stays on this machine.</div>'


def error(line: str) -> str:
    """One line on what went wrong.

    Example:
        >>> error("<b> is empty")
        '<div class="vsl-status vsl-error" role="alert">&lt;b&gt; is empty</div>'
    """
    return f'<div class="vsl-status vsl-error" role="alert">{escape(line)}</div>'


def status(line: str = "") -> str:
    """One line on how things stand."""
    return f'<div class="vsl-status" role="status">{escape(line)}</div>'


def progress(share: float, text: str) -> str:
    """A bar and what is being done."""
    bar = f'<progress max="100" value="{100 * min(max(share, 0), 1):.0f}"></progress>'
    return f'<div class="vsl-status" role="status">{bar}<br>{escape(text)}</div>'


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> str:
    """Return a table.

    Example:
        >>> table([("a", "1")])
        '<table class="vsl-table"><tbody><tr><td>a</td><td>1</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    top = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f'<table class="vsl-table">{top}<tbody>{body}</tbody></table>'


def notes(title: str, sentences: Sequence[str]) -> str:
    """Return a list of sentences, nothing where there are none."""
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<strong>{escape(title)}</strong><ul class="vsl-notes">{items}</ul>'


def legend(classes: Sequence[str]) -> str:
    """Return the classes with their colours."""
    entries = [
        f'<span class="vsl-class"><i style="background:{COLOURS[n % len(COLOURS)]}"></i>{escape(name)}</span>'
        for n, name in enumerate(classes)
    ]
    return f'<div class="vsl-legend">{"".join(entries)}</div>' if entries else ""
