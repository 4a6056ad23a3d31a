"""What each batch asks first and last is planned once for each connection."""

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
        cursor.execute((_SQL / "0005_kept_plans.sql").read_text())
