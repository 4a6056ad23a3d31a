"""The book: tables, roles, walls between tenants, and the invariants Postgres itself keeps."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql"
_STEPS = (
    "0001_roles",
    "0001_tables",
    "0001_invariants",
    "0001_functions",
    "0001_reads",
    "0001_walls",
)


def upgrade() -> None:
    """Forward only: a mistake is mended by the next migration."""
    with op.get_bind().connection.cursor() as cursor:
        for step in _STEPS:
            cursor.execute((_SQL / f"{step}.sql").read_text())
