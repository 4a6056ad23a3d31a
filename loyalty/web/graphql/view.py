"""POST /graphql, and GET: the page to try it. What is wrong with a request is told as REST does."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask, Response, request
from graphql import GraphQLError
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError

from loyalty.errors import Problem
from loyalty.web import fields
from loyalty.web.auth import identified, principal
from loyalty.web.body import MAX_BODY_BYTES, json_body, load
from loyalty.web.fields.trees import Tree
from loyalty.web.graphql import page
from loyalty.web.graphql.asking import Asking
from loyalty.web.graphql.errors import shown
from loyalty.web.graphql.schema import Schema, schema

_JSON, _GRAPHQL = "application/json", "application/graphql-response+json"


class OneAtATime(Problem):
    """422: a list of requests is not read."""

    status = 422
    code = "one_at_a_time"
    title = "One request is read at a time"
    cure = "Send one document, with several fields in it; many purchases go to …/earns/batch."


class RequestSchema(fields.Schema):
    """What GraphQL over HTTP sends."""

    query = fields.Text(most=MAX_BODY_BYTES, required=True)
    operationName = fields.Text(allow_none=True, load_default=None)  # noqa: N815 - GraphQL's name
    variables = Tree(allow_none=True, load_default=None)
    extensions = Tree(allow_none=True, load_default=None)


_REQUEST = RequestSchema()


def install(app: Flask, *, introspection: bool) -> None:
    """Serves /graphql. Without `introspection` it neither tells its schema nor has a page."""
    known = schema(introspection=introspection)

    @identified
    def graphql() -> Response:
        body = json_body()
        if isinstance(body, list):
            raise OneAtATime
        told = _told(known, load(_REQUEST, body))
        mimetype = request.accept_mimetypes.best_match((_JSON, _GRAPHQL), _JSON)
        refused = "data" not in told and mimetype == _GRAPHQL
        return Response(orjson.dumps(told), 400 if refused else 200, mimetype=mimetype)

    app.add_url_rule("/graphql", "graphql", graphql, methods=["POST"])
    if introspection:
        page.install(app)


def _told(known: Schema, asked: dict[str, Any]) -> dict[str, Any]:
    """What the document asks for; its errors stand beside the data, each with REST's `code`."""
    asking = Asking(principal(), asked["operationName"])
    try:
        result = known.execute_sync(
            asked["query"],
            variable_values=asked["variables"],
            operation_name=asked["operationName"],
            context_value=asking,
        )
    except MissingQueryError:
        return {"errors": shown([GraphQLError("There is no document.")])}
    except CannotGetOperationTypeError as error:
        return {"errors": shown([GraphQLError(error.as_http_error_reason())])}
    finally:
        asking.let_go()
    errors = result.errors or []
    executed = all(error.path is not None for error in errors)
    told: dict[str, Any] = {"data": result.data} if executed else {}
    return {**told, "errors": shown(errors)} if errors else told
