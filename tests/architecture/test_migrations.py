"""The models say what the migrations made, and there is one line of migrations."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

import loyalty
from tests.architecture import sources
from tests.servers import Own


def _alembic(url: str = "") -> Config:
    settings = Config(sources.ROOT / "alembic.ini")
    settings.attributes["url"] = url.replace("postgresql://", "postgresql+psycopg2://", 1)
    return settings


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")  # the model calls it text
def test_models_and_tables_agree(database: Own) -> None:
    for module in pkgutil.walk_packages(loyalty.__path__, "loyalty."):
        if module.name.endswith(".models"):
            import_module(module.name)
    command.check(_alembic(database.environment()["DATABASE_OWNER_URL"]))


def test_there_is_one_newest_migration() -> None:
    assert len(ScriptDirectory.from_config(_alembic()).get_heads()) == 1
