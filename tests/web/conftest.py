"""The app in this process, for what needs no second one; `stack` speaks real HTTP."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.servers import Own


@pytest.fixture(scope="session")
def app(database: Own) -> Flask:
    """The whole app on this worker's database."""
    from loyalty.web.app import create_app

    return create_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Calls the app as a WSGI server would."""
    return app.test_client()
