"""What people see: sentences on stdout, troubles on stderr, lines of the parts with their name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_COLOURS = {
    "web": "green",
    "worker": "yellow",
    "sweeper": "magenta",
    "beat": "cyan",
    "flower": "blue",
}


def say(text: str) -> None:
    """A line, with rich's markup."""
    out.print(text)


def show_line(name: str, line: str) -> None:
    """A line that a part of the stack said."""
    if line.strip():
        colour = _COLOURS.get(name, "white")
        out.print(f"[{colour}]{name:<8}[/] [dim]│[/] {escape(line)}")


@contextmanager
def doing(what: str) -> Iterator[Callable[[str], None]]:
    """Says what is going on while it takes; the caller may change the words."""
    if not out.is_terminal:
        yield lambda _: None
        return
    with out.status(what) as status:
        yield lambda text: status.update(text)


def trouble(sentence: str) -> None:
    """One sentence and its cure, on stderr."""
    err.print(f"[bold red]✗[/] {escape(sentence)}" if err.is_terminal else escape(sentence))
    sys.stderr.flush()
