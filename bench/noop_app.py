"""Our app, and one more door that authenticates and validates an earn and then does nothing.

`granian --interface wsgi bench.noop_app:app`
"""

from __future__ import annotations

import orjson
from flask import Response

from loyalty.ids import uuid7
from loyalty.web.app import create_app
from loyalty.web.auth import allow, principal
from loyalty.web.body import json_body, load
from loyalty.web.earn_schema import EARN


@allow("earns.create")
def noop(program: str) -> Response:
    """Answers as if the purchase had been stored."""
    del program
    earn = load(EARN, json_body())
    principal().require_source(earn.source)
    told = orjson.dumps({"id": uuid7(), "status": "accepted"})
    return Response(told, 202, mimetype="application/json")


app = create_app()
app.add_url_rule("/v1/programs/<slug:program>/noop", view_func=noop, methods=["POST"])
