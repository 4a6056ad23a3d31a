"""What each batch and each app asks is planned once for each connection, and told in one value."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next migration."""
    with op.get_bind().connection.cursor() as cursor:
        for name in ("0005_award.sql", "0005_reads.sql"):
            cursor.execute((_SQL / name).read_text())
