"""The doors: operators and keys, jobs, search, webhooks, mail, streams."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql"
_STEPS = (
    "0003_tenants",
    "0003_jobs",
    "0003_imports",
    "0003_webhooks",
    "0003_notifications",
    "0003_streams",
    "0003_award",
    "0003_audit",
    "0002_walls",  # last: it sees every table that the others made
)


def upgrade() -> None:
    """Forward only: a mistake is mended by the next migration."""
    with op.get_bind().connection.cursor() as cursor:
        for step in _STEPS:
            cursor.execute((_SQL / f"{step}.sql").read_text())
