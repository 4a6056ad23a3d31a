"""The doors: webhooks, mail, jobs, operators."""

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
    "0003_webhooks",
    "0003_notifications",
    "0002_walls",  # last: every table that has no walls yet gets them
)


def upgrade() -> None:
    """Forward only: a mistake is mended by the next migration."""
    with op.get_bind().connection.cursor() as cursor:
        for step in _STEPS:
            cursor.execute((_SQL / f"{step}.sql").read_text())
