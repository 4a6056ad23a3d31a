"""What people see: sentences on stdout, troubles on stderr, lines of the parts with their name."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

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


#: In a file or a pipe nothing is cut to the width of a screen that is not there.
_WIDE = 1000


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table with these columns, of which some are figures."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left")
    return made


def show(shown: Table) -> None:
    """A table."""
    if out.is_terminal:
        out.print(shown)
        return
    wide = Console(width=_WIDE, highlight=False)
    with wide.capture() as captured:
        wide.print(shown)
    for line in captured.get().splitlines():
        out.print(line.rstrip(), markup=False)


def show_json(document: object) -> None:
    """What a script reads, and nothing else on stdout."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def instant(at: datetime) -> str:
    """To the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


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
