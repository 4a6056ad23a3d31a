"""/openapi.json, generated from the code, and /docs, a page to read and try it without internet."""

from __future__ import annotations

from pathlib import Path

import flask_swagger_ui  # carries Swagger UI itself (Apache-2.0) beside its own few lines (MIT)
import orjson
from flask import Flask, Response, send_from_directory

from loyalty.web import paths
from loyalty.web.fields import Instant, Money
from loyalty.web.resource import Document

_ASSETS = Path(flask_swagger_ui.__file__).parent / "dist"
_HOUR_S = 3600

_ABOUT = """
A points bank: a purchase becomes points, points become a reward.

Errors are `application/problem+json` (RFC 9457). Points are integers up to 2^53-1, money is a
decimal string, times are RFC 3339 with an offset. Lists are `{data, next}`. Operations that move
points take an `Idempotency-Key`; earns are known by `source` and `transaction_id`.
"""

# The token stands in the fragment, which no browser sends anywhere.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Loyalty API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# Swagger makes examples up by pattern and maximum: noise instead of text, 2^53-1 instead of a few
# points. What it reads goes without both, and a purchase to try occurred just now.
_START = r"""
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const noise = {pattern: "^[^\\u0000]*$", maximum: Number.MAX_SAFE_INTEGER};
const readable = (name, value) =>
  name === "occurred_at" && typeof value === "string" ? new Date().toISOString()
    : noise[name] === value ? undefined : value;
const ui = SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#page", deepLinking: false, persistAuthorization: true,
  tryItOutEnabled: true, validatorUrl: null,
  responseInterceptor: (answer) => {
    if (new URL(answer.url).pathname === "/openapi.json")
      answer.text = JSON.stringify(JSON.parse(answer.text, readable));
    return answer;
  },
  onComplete: () => { if (token) ui.preauthorizeApiKey("bearer", token); },
});
"""
_ONLY_OURSELVES = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


def document_of(app: Flask) -> Document:
    """The OpenAPI 3.1 document of the app; blueprints are registered through it."""
    app.config.update(API_TITLE="Loyalty", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    api = Document(app, spec_kwargs={"info": {"description": _ABOUT.strip()}})
    for converter in paths.CONVERTERS.values():
        api.register_converter(converter, paths.parameter_schema)
    for field in (Money, Instant):
        api.register_field(field, None, None)
    api.spec.components.security_scheme(
        "bearer", {"type": "http", "scheme": "bearer", "description": "An API key or a JWT."}
    )
    return api


def install(app: Flask, api: Document) -> None:
    """Serves the document and the page. Last, for the document is rendered once, here."""
    document = orjson.dumps(api.spec.to_dict())

    def openapi() -> Response:
        return Response(document, mimetype="application/json")

    def docs() -> Response:
        return Response(_PAGE, headers={"Content-Security-Policy": _ONLY_OURSELVES})

    def docs_file(name: str) -> Response:
        if name == "start.js":
            return Response(_START, mimetype="text/javascript")
        return send_from_directory(_ASSETS, name, max_age=_HOUR_S)

    app.add_url_rule("/openapi.json", "openapi", openapi)
    app.add_url_rule("/docs", "docs", docs)
    app.add_url_rule("/docs/<name>", "docs_file", docs_file)
