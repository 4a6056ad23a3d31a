"""The body of a request as a file: read in pieces, checked line by line, put down in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import TypeVar

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from loyalty.ids import uuid7
from loyalty.jobs.imports.bring import MOST_AT_ONCE
from loyalty.jobs.imports.lines import add_chunk, forget_upload
from loyalty.jobs.imports.records import What
from loyalty.jobs.imports.step import Upload
from loyalty.transaction import present, transaction
from loyalty.web.batch import NDJSON
from loyalty.web.body import UnsupportedMediaType
from loyalty.web.import_lines import Form, lines_of
from loyalty.web.strict_json import Unreadable

CSV = "text/csv"
MOST_FILE_BYTES = 256 * 1024 * 1024
_FORMS: dict[str, Form] = {CSV: "csv", NDJSON: "ndjson"}

Item = TypeVar("Item")


class _Body:
    """The body, as far as it may go."""

    def __init__(self) -> None:
        request.max_content_length = MOST_FILE_BYTES + 1  # more than that is not even begun
        self._left = MOST_FILE_BYTES

    def read(self, size: int, /) -> bytes:
        """At most so many bytes. Raises werkzeug's RequestEntityTooLarge."""
        piece: bytes = request.stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise RequestEntityTooLarge
        return piece


def receive(tenant_id: int, what: What, file: str | None, *, dry_run: bool) -> Upload:
    """Reads the request to its end; what was put down of one that breaks off is taken away.

    Raises UnsupportedMediaType, Unreadable, Invalid for unknown columns, RequestEntityTooLarge.
    """
    form = _FORMS.get(request.mimetype)
    if form is None:
        raise UnsupportedMediaType(f"{CSV} or {NDJSON} is read here.")
    if (packed := request.headers.get("Content-Encoding", "identity").lower()) != "identity":
        raise UnsupportedMediaType(f"The file is read as it is, and not as {packed[:50]}.")
    upload_id, lines, chunks = uuid7(), 0, 0
    try:
        for batch in _batches(lines_of(_Body(), form, what), MOST_AT_ONCE):
            at = present(tenant_id)
            with transaction(tenant_id) as session:
                add_chunk(session, upload_id, chunks, batch, at)
            lines, chunks = lines + len(batch), chunks + 1
    except BaseException:
        with suppress(Exception), transaction(tenant_id) as session:  # else beat takes it away
            forget_upload(session, upload_id)
        raise
    if not lines:
        raise Unreadable("The file says nothing.")
    return Upload(upload_id, what, lines, chunks, file, dry_run)


def _batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while batch := list(islice(items, size)):
        yield batch
