"""docs/tables.svg, drawn from the live schema: rooms in the order of the street, their tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from sqlalchemy import Connection, text

_COLUMNS = text(
    """
    SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           NOT a.attnotnull AND t.typnotnull IS FALSE AS optional,
           coalesce(a.attnum = ANY (k.conkey), false) AS key,
           (SELECT min(f.confrelid::regclass::text) FROM pg_constraint f
            WHERE f.conrelid = c.oid AND f.contype = 'f'
              AND f.conkey[cardinality(f.conkey)] = a.attnum) AS target
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      AND c.relname <> 'alembic_version'
    ORDER BY c.relname, a.attnum
    """
)
_SHORT = {
    "timestamp with time zone": "instant",
    "character varying": "text",
    "integer": "int",
    "smallint": "small",
    "boolean": "yes/no",
}
_IDS = {"integer", "bigint", "uuid"}  # a text is an id of the tenant's own
_ROW, _HEAD, _GAP, _WIDTH, _STACKS = 17, 24, 14, 268, 4
_STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#222}"
    ".room{font:bold 13px system-ui,sans-serif;fill:#7a5c2e}.name{font-weight:bold;fill:#fff}"
    ".type{fill:#888}.key{font-weight:bold}.to{fill:#2b6cb0}"
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `target` is the table that a foreign key, or its name, points to."""

    name: str
    type: str
    optional: bool
    key: bool
    target: str | None


def tables(connection: Connection) -> dict[str, list[Column]]:
    """The columns of every table; of `tenant_id`, which leads every key, nothing is told."""
    found: dict[str, list[Column]] = defaultdict(list)
    rows = connection.execute(_COLUMNS).all()
    names = {row.table for row in rows}
    for row in rows:
        if row.name == "tenant_id":
            continue
        named = row.name.removesuffix("_id")
        refers = row.name != named and named in names and row.type in _IDS
        target = row.target or (named if refers else None)
        kind = _SHORT.get(row.type, row.type)
        column = Column(row.name, kind, row.optional, row.key, target)
        found[row.table].append(column)
    return dict(found)


def svg(rooms: Mapping[str, Sequence[str]], found: Mapping[str, Sequence[Column]]) -> str:
    """The picture: `rooms` names the tables of each room, top of the street first."""
    stacks: list[list[str]] = [[] for _ in range(_STACKS)]
    heights = [0.0] * _STACKS
    share = sum(_height(found, names) for names in rooms.values()) / _STACKS
    at = 0
    for room, names in rooms.items():
        tall = _height(found, names)
        if at < _STACKS - 1 and heights[at] and heights[at] + tall / 2 > share:
            at += 1
        x = _GAP + at * (_WIDTH + 2 * _GAP)
        stacks[at] += _room(room, names, found, x, _GAP + heights[at])
        heights[at] += tall
    width, height = _STACKS * (_WIDTH + 2 * _GAP), max(heights) + 2 * _GAP
    body = "\n".join(line for stack in stacks for line in stack)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" '
        f'width="{width}" height="{height:g}">\n<style>{_STYLE}</style>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _height(found: Mapping[str, Sequence[Column]], names: Iterable[str]) -> float:
    boxes = (_HEAD + _ROW * len(found[name]) + 8 + _GAP for name in names)
    return _HEAD + sum(boxes) + _GAP


def _room(
    room: str, names: Sequence[str], found: Mapping[str, Sequence[Column]], x: float, y: float
) -> list[str]:
    lines = [
        f'<rect x="{x - 8:g}" y="{y:g}" width="{_WIDTH + 16}" '
        f'height="{_height(found, names) - _GAP:g}" rx="6" fill="#faf5ea"/>',
        f'<text class="room" x="{x:g}" y="{y + 17:g}">{escape(room)}</text>',
    ]
    y += _HEAD
    for name in names:
        lines += _table(name, found[name], x, y)
        y += _HEAD + _ROW * len(found[name]) + 8 + _GAP
    return lines


def _table(name: str, columns: Sequence[Column], x: float, y: float) -> list[str]:
    tall = _HEAD + _ROW * len(columns) + 8
    lines = [
        f'<rect x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{tall}" rx="4" fill="#fff" '
        'stroke="#b8a27a"/>',
        f'<rect x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEAD - 2}" rx="4" fill="#8a6d3b"/>',
        f'<text class="name" x="{x + 8:g}" y="{y + 16:g}">{escape(name)}</text>',
    ]
    for number, column in enumerate(columns):
        row = y + _HEAD + _ROW * number + 13
        kind = f"→ {column.target}" if column.target else column.type
        style = "to" if column.target else "type"
        mark = "?" if column.optional else ""
        lines.append(
            f'<text class="{"key" if column.key else "column"}" x="{x + 8:g}" y="{row:g}">'
            f'{escape(column.name)}{mark}</text><text class="{style}" text-anchor="end" '
            f'x="{x + _WIDTH - 8:g}" y="{row:g}">{escape(kind)}</text>'
        )
    return lines
