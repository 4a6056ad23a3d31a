"""The package begins and commits in one place."""

from __future__ import annotations

import ast

from tests.architecture import sources

_WORDS = {"autocommit", "begin", "begin_twophase", "commit"}
_PLACES = {
    ("loyalty/transaction.py", "begin"),
    ("loyalty/db.py", "autocommit"),  # psycopg2's own BEGIN is off: ours carries the tenant's name
    ("loyalty/embedded/postgres.py", "autocommit"),  # CREATE DATABASE wants no transaction
    ("loyalty/cli/up.py", "begin"),  # of a process
    # Savepoints: locks of an account that was merged meanwhile are let go before its heir's.
    ("loyalty/ledger/heirs.py", "commit"),
    ("loyalty/members/queries.py", "commit"),
    # Of Kafka's offsets, once the purchases are stored.
    ("loyalty/streams/ingest.py", "commit"),
    ("loyalty/streams/kafka.py", "commit"),
}
#: Who opens a session or a connection could commit it.
_OPENERS = {"Session", "sessionmaker", "scoped_session", "raw_connection"}


def test_only_one_file_begins_and_commits() -> None:
    found = {
        (str(path), node.attr)
        for path in sources.python("loyalty")
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Attribute) and node.attr in _WORDS
    }
    assert found == _PLACES


def test_only_one_file_opens_sessions() -> None:
    found = {
        str(path)
        for path in sources.python("loyalty")
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Call) and _name(node.func) in _OPENERS
    }
    assert found == {"loyalty/transaction.py"}


def _name(called: ast.expr) -> str:
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
