"""The body of a request as a file: read in pieces, checked line by line, put down in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from loyalty.ids import uuid7
from loyalty.jobs.imports.bring import MOST_AT_ONCE
from loyalty.jobs.imports.lines import Line, add_chunk, forget_upload
from loyalty.jobs.imports.records import What
from loyalty.jobs.imports.step import Upload
from loyalty.transaction import present, transaction
from loyalty.web.batch import NDJSON
from loyalty.web.body import UnsupportedMediaType
from loyalty.web.import_lines import Form, lines_of
from loyalty.web.strict_json import Unreadable

CSV = "text/csv"
MOST_FILE_BYTES = 256 * 1024 * 1024
MOST_CHUNK_BYTES = 4 * 1024 * 1024  # of the body in one chunk: as objects they are ten times that
_FORMS: dict[str, Form] = {CSV: "csv", NDJSON: "ndjson"}


class _Body:
    """The body, as far as it may go."""

    def __init__(self) -> None:
        request.max_content_length = MOST_FILE_BYTES + 1  # more than that is not even begun
        self.read_bytes = 0

    def read(self, size: int, /) -> bytes:
        """At most so many bytes. Raises werkzeug's RequestEntityTooLarge."""
        piece: bytes = request.stream.read(size)
        self.read_bytes += len(piece)
        if self.read_bytes > MOST_FILE_BYTES:
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
    upload_id, lines, chunks, body = uuid7(), 0, 0, _Body()
    try:
        for batch in _batches(lines_of(body, form, what), body):
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


def _batches(lines: Iterator[Line], body: _Body) -> Iterator[list[Line]]:
    """As many lines as are brought in at once, or fewer of those that are long."""
    batch: list[Line] = []
    begun = body.read_bytes
    for line in lines:
        batch.append(line)
        if len(batch) == MOST_AT_ONCE or body.read_bytes - begun >= MOST_CHUNK_BYTES:
            yield batch
            batch, begun = [], body.read_bytes
    if batch:
        yield batch
