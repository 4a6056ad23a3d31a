"""The job that brings in an uploaded file: a chunk at a time, each in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.errors import Problem
from loyalty.jobs.imports.bring import bring
from loyalty.jobs.imports.lines import Line, refused, take_chunk
from loyalty.jobs.imports.records import Record, What, subject_of
from loyalty.jobs.start import Order, start
from loyalty.jobs.step import Batch, Job, Refused
from loyalty.programs.queries import Program, program_by_id

KIND = "import"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was read to its end and waits in `chunks`."""

    id: UUID
    what: What
    lines: int
    chunks: int
    file: str | None = None
    dry_run: bool = False


@dataclass(slots=True)
class Came:
    """What became of lines: how many were added, changed, or the same before; who was refused."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)


def start_import(session: Session, program: Program, upload: Upload, by: By) -> UUID:
    """Queues the job that brings the upload in; returns its id."""
    told = {
        "what": upload.what,
        "file": upload.file,
        "dry_run": upload.dry_run,
        "upload": str(upload.id),
        "chunks": upload.chunks,
    }
    return start(session, Order(KIND, told, program, total=upload.lines), by)


def bring_lines(
    session: Session,
    program: Program,
    what: What,
    lines: Sequence[Line],
    by: By,
    *,
    dry_run: bool,
) -> Came:
    """Brings in what could be read of these lines; of a dry run nothing stays."""
    came = Came(refused=[line.said for line in lines if isinstance(line.said, Refused)])
    good: list[tuple[int, Record]] = [
        (line.number, line.said) for line in lines if not isinstance(line.said, Refused)
    ]
    savepoint = session.begin_nested() if dry_run else None
    outcomes = bring(session, program, what, [record for _, record in good], by) if good else []
    if savepoint is not None:
        savepoint.rollback()
        session.info.pop("woken", None)  # nobody waits for what was taken back
    for (number, record), outcome in zip(good, outcomes, strict=True):
        if isinstance(outcome, Problem):
            came.refused.append(refused(number, subject_of(record), outcome))
    counts = Counter(one for one in outcomes if isinstance(one, str))
    came.added, came.changed, came.unchanged = (
        counts[word] for word in ("added", "changed", "unchanged")
    )
    came.refused.sort(key=lambda one: one.place)
    return came


def next_chunk(session: Session, job: Job, at: datetime) -> Batch:
    """The step of an import: its next chunk."""
    n = int(job.cursor["chunk"]) if job.cursor else 0
    what: What = job.input["what"]
    if job.program_id is None or n >= job.input["chunks"]:
        return Batch(None)
    lines = take_chunk(session, UUID(job.input["upload"]), n, what)
    program = program_by_id(session, job.program_id)
    came = bring_lines(session, program, what, lines, job.by(at), dry_run=job.input["dry_run"])
    following = {"chunk": n + 1} if n + 1 < job.input["chunks"] else None
    return Batch(following, len(lines), came.added + came.changed, came.refused)
