"""Burns that come at the same time are opened and closed together."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next migration."""
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute((_SQL / "0006_burns.sql").read_text())
