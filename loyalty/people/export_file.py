"""An export as bytes, while it is being read: lines of JSON, or a zip with a file a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from zipfile import ZIP_DEFLATED, ZipFile

import orjson

_PIECE_BYTES = 64 * 1024
Row = tuple[str, str]  #: table, and the row as JSON text


def ndjson(rows: Iterable[Row]) -> Iterator[bytes]:
    """`{"type": table, "data": row}` a line; the last line is of the type `end` and tells how many
    there are of each: without it, the export broke off."""
    counts: Counter[str] = Counter()
    piece = bytearray()
    for table, row in rows:
        counts[table] += 1
        piece += f'{{"type":"{table}","data":{row}}}\n'.encode()
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece) + orjson.dumps({"type": "end", "data": counts}) + b"\n"


class _Pipe:
    """What the zip has written and nobody has taken yet. It can't seek, so nothing is rewritten."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        """Takes it all."""
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def take(self) -> bytes:
        """All that was written since the last time."""
        taken = bytes(self._written)
        self._written.clear()
        return taken

    def __len__(self) -> int:
        return len(self._written)


def zipped(rows: Iterable[Row]) -> Iterator[bytes]:
    """A zip with `<table>.ndjson` for each table that has rows; a cut one can't be opened."""
    pipe = _Pipe()
    with ZipFile(pipe, "w", ZIP_DEFLATED) as file:  # type: ignore[call-overload]  # asks no more
        for table, own in groupby(rows, key=lambda row: row[0]):
            with file.open(f"{table}.ndjson", "w", force_zip64=True) as entry:
                for _, row in own:
                    entry.write(row.encode() + b"\n")
                    if len(pipe) >= _PIECE_BYTES:
                        yield pipe.take()
    yield pipe.take()
