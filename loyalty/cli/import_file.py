"""`loyalty import`: a file is brought in from here, a thousand lines in each transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, cast

import orjson
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import OperationalError

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.cli.console import out, say
from loyalty.cli.frame import user
from loyalty.cli.trouble import Trouble
from loyalty.clock import now
from loyalty.errors import Unavailable
from loyalty.jobs.imports.bring import MOST_AT_ONCE
from loyalty.jobs.imports.lines import Line
from loyalty.jobs.imports.records import What
from loyalty.jobs.imports.step import Came, bring_lines
from loyalty.jobs.step import Refused
from loyalty.programs.queries import program_by_slug
from loyalty.tenants.queries import tenant_id_of
from loyalty.transaction import across_tenants, transaction
from loyalty.web.import_lines import Form, lines_of

_TRIES = 5
_PAUSE_S = 0.2  # and twice as long before each further try


class _Watched:
    """A file that tells how much of it was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.read_bytes = 0

    def read(self, size: int, /) -> bytes:
        """At most so many bytes."""
        piece = self._file.read(size)
        self.read_bytes += len(piece)
        return piece


class _RefusedFile:
    """The file of refused lines; it is there when there are any."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._file: IO[bytes] | None = None

    def add(self, refused: list[Refused]) -> None:
        """Writes each with its line, whom it is about, and why."""
        if refused and self._file is None:
            self._file = self._path.open("wb")
        for one in refused:
            told = {
                "line": one.place,
                "subject": one.subject,
                "code": one.code,
                "detail": one.detail,
            }
            cast("IO[bytes]", self._file).write(orjson.dumps(told) + b"\n")

    def close(self) -> None:
        """No more are refused."""
        if self._file is not None:
            self._file.close()


def bring_file(
    tenant: str, slug: str, what: str, file: Path, form: str, refused: Path, *, dry_run: bool
) -> None:
    """Brings the file in and says what came of it. Raises Trouble when a line was refused."""
    with across_tenants() as session:
        tenant_id = tenant_id_of(session, tenant)
    carry = _Carry(tenant_id, slug, cast("What", what), dry_run)
    carry.tell("start", {"file": file.name})
    total = Came()
    with _refused_file(refused) as told, file.open("rb") as opened:
        watched = _Watched(opened)
        lines = lines_of(watched, cast("Form", form), carry.what)
        with _progress() as progress:
            bar = progress.add_task(f"Importing {what}", total=file.stat().st_size, lines=0)
            seen = 0
            while batch := list(islice(lines, MOST_AT_ONCE)):
                came = carry.bring(batch)
                told.add(came.refused)
                seen += len(batch)
                _add(total, came)
                progress.update(bar, completed=watched.read_bytes, lines=seen)
    counts = {
        "added": total.added,
        "changed": total.changed,
        "unchanged": total.unchanged,
        "refused": len(total.refused),
    }
    carry.tell("done", {"file": file.name, **counts})
    would = "would be " if dry_run else ""
    say(
        f"{seen:,} lines: {total.added:,} {would}added, {total.changed:,} {would}changed, "
        f"{total.unchanged:,} as they were, {counts['refused']:,} refused"
    )
    if total.refused:
        raise Trouble(f"{counts['refused']:,} lines were refused; {refused} says why.")


def _add(total: Came, came: Came) -> None:
    total.added += came.added
    total.changed += came.changed
    total.unchanged += came.unchanged
    total.refused += came.refused


@contextmanager
def _refused_file(path: Path) -> Iterator[_RefusedFile]:
    told = _RefusedFile(path)
    try:
        yield told
    finally:
        told.close()


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeRemainingColumn(),
        console=out,
        transient=True,
        disable=not out.is_terminal,
    )


class _Carry:
    """Brings batches into a program of a tenant, each in a transaction of its own."""

    def __init__(self, tenant_id: int, slug: str, what: What, dry_run: bool) -> None:
        self._tenant_id, self._slug = tenant_id, slug
        self.what, self._dry_run = what, dry_run

    def bring(self, lines: list[Line]) -> Came:
        """One batch; once more when somebody was in the way, or the database went away."""
        for attempt in range(_TRIES):
            try:
                with transaction(self._tenant_id) as session:
                    program = program_by_slug(session, self._slug)
                    by = By(f"operator:{user()}", None, now(session))
                    return bring_lines(
                        session, program, self.what, lines, by, dry_run=self._dry_run
                    )
            except (Unavailable, OperationalError):
                if attempt == _TRIES - 1:
                    raise
                time.sleep(_PAUSE_S * 2**attempt)
        raise AssertionError

    def tell(self, act: str, after: dict[str, object]) -> None:
        """Writes into the audit log that an import begins or has ended; of a dry run nothing."""
        with transaction(self._tenant_id) as session:
            program = program_by_slug(session, self._slug)
            if not self._dry_run:
                record(
                    session,
                    By(f"operator:{user()}", None, now(session)),
                    act=f"import.{act}",
                    subject=f"program {program.slug}",
                    after={"what": self.what, **after},
                )
