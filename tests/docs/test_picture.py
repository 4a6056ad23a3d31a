"""The picture of the tables shows the tables that there are. `make docs` draws it anew."""

from __future__ import annotations

import os
import pkgutil
import tomllib
from importlib import import_module

from sqlalchemy import create_engine

import loyalty
from loyalty.db import Base
from tests.architecture import sources
from tests.docs.picture import svg, tables
from tests.servers import Own


def _rooms() -> dict[str, list[str]]:
    """The tables of each room that has some, in the order of the street."""
    for module in pkgutil.walk_packages(loyalty.__path__, "loyalty."):
        if module.name.endswith(".models"):
            import_module(module.name)
    contracts = tomllib.loads((sources.ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    street = " | ".join(contracts["contracts"][0]["layers"]).split(" | ")
    owned: dict[str, list[str]] = {room: [] for room in street}
    owned["book"] = ["book_check"]  # written in SQL alone, as the next one
    owned["earning"] = ["replay_check"]
    for mapper in Base.registry.mappers:
        room = mapper.class_.__module__.split(".")[1]
        owned[room].append(str(mapper.class_.__tablename__))
    return {room: sorted(names) for room, names in owned.items() if names}


def test_the_picture_is_of_the_tables(database: Own) -> None:
    url = database.postgres.superuser_url(database.database)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://", 1))
    with engine.connect() as connection:
        found = tables(connection)
    engine.dispose()
    rooms = _rooms()
    assert {name for names in rooms.values() for name in names} == set(found)
    picture = sources.ROOT / "docs" / "tables.svg"
    drawn = svg(rooms, found)
    if os.environ.get("WRITE_DOCS"):
        picture.write_text(drawn)
    assert picture.read_text() == drawn
