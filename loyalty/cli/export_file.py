"""`loyalty export`: everything of a tenant or a member, into a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.cli.acting import acting
from loyalty.cli.console import doing, say
from loyalty.members.queries import member_by_id
from loyalty.people.export import export, members_rows
from loyalty.people.export_file import Row, ndjson, zipped
from loyalty.tenants.queries import tenant_id_of
from loyalty.transaction import across_tenants, snapshot

_TOLD_EVERY = 10_000


def write_export(tenant: str, member: str | None, path: Path) -> None:
    """Writes the file beside its place and moves it there when it is whole."""
    with acting(tenant) as (session, by):
        about = member_by_id(session, member).member_id if member else None
        record(
            session,
            By(by.actor, None, by.at),
            act="member.export" if about else "tenant.export",
            subject=f"member {about}" if about else "tenant",
            after={"format": path.suffix[1:]},
        )
    with across_tenants() as session:
        tenant_id = tenant_id_of(session, tenant)
    unfinished = path.with_name(f"{path.name}.part")
    rows = _Counted(_rows(tenant_id, about))
    write = zipped if path.suffix == ".zip" else ndjson
    try:
        with unfinished.open("wb") as file, doing("Exporting") as tell:
            for piece in write(rows):
                file.write(piece)
                if rows.count // _TOLD_EVERY != rows.told:
                    rows.told = rows.count // _TOLD_EVERY
                    tell(f"Exporting: {rows.count:,} rows")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    say(f"{rows.count:,} rows of {rows.tables} tables are in {path}")


class _Counted:
    """Rows that are counted as they pass."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._last = ""
        self.count = self.told = self.tables = 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> Row:
        table, row = next(self._rows)
        self.count += 1
        self.tables += table != self._last
        self._last = table
        return table, row


def _rows(tenant_id: int, member: str | None) -> Iterator[Row]:
    with snapshot(tenant_id) as session:
        yield from export(session, members_rows(session, member) if member else None)
