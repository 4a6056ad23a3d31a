"""GET /graphql: GraphiQL, to read the schema and try it, without internet."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, send_from_directory

#: GraphiQL and React as they were published, each with its licence: docs/decisions/0015.
ASSETS = Path(__file__).parent / "graphiql"
_HOUR_S = 3600
# GraphiQL's editor writes styles of its own; nothing else comes from anywhere but here.
_ONLY_OURSELVES = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Loyalty GraphQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/graphql/graphiql.min.css">
<style>html, body, #page { height: 100%; margin: 0; }</style>
</head>
<body>
<div id="page"></div>
<script src="/graphql/react.production.min.js"></script>
<script src="/graphql/react-dom.production.min.js"></script>
<script src="/graphql/graphiql.min.js"></script>
<script src="/graphql/start.js"></script>
</body>
</html>
"""
# The token stands in the fragment, which no browser sends anywhere.
_START = """
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const headers = JSON.stringify({ Authorization: `Bearer ${token || "…"}` }, null, 2);
ReactDOM.createRoot(document.getElementById("page")).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: "/graphql" }),
    headers, shouldPersistHeaders: false, defaultEditorToolsVisibility: "headers",
    visiblePlugin: "Documentation Explorer",
    defaultQuery: `{
  products(first: 10) { nodes { sku name price currency } next }
  retailers(first: 10) { nodes { id name region } next }
}`,
  })
);
"""


def install(app: Flask) -> None:
    """Serves the page and its files."""

    def graphiql() -> Response:
        return Response(_PAGE, headers={"Content-Security-Policy": _ONLY_OURSELVES})

    def graphiql_file(name: str) -> Response:
        if name == "start.js":
            return Response(_START, mimetype="text/javascript")
        return send_from_directory(ASSETS, name, max_age=_HOUR_S)

    app.add_url_rule("/graphql", "graphiql", graphiql, methods=["GET"])
    app.add_url_rule("/graphql/<name>", "graphiql_file", graphiql_file)
