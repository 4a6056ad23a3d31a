"""The form of every REST resource: a blueprint that documents what it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from flask_smorest import Api, Blueprint

from loyalty.web.body import StrictParser
from loyalty.web.problems import ProblemSchema

View = TypeVar("View", bound=Callable[..., Any])

KEY_FORM = re.compile("[!-~]{1,255}")
_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "The same key again gives the same answer, for 30 days.",
    "schema": {"type": "string", "pattern": f"^{KEY_FORM.pattern}$"},
}
_IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": "The ETag that was read; 412 if somebody has changed it since.",
    "schema": {"type": "string"},
}


class Resource(Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    """A noun of the API. Copy loyalty/web/rest/api_keys.py."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, *, description: str) -> None:
        super().__init__(name, __name__, url_prefix="/v1", description=description)

    def route(self, rule: str, **options: Any) -> Callable[[View], View]:
        """The route and its documentation."""
        return super().route(rule, **options)  # type: ignore[no-any-return]

    def arguments(self, schema: Any, **options: Any) -> Callable[[View], View]:
        """Reads the body, or the `location`, by a schema; the view takes the loaded value."""
        return super().arguments(schema, **options)  # type: ignore[no-any-return]

    def response(
        self, status_code: int, schema: Any = None, **options: Any
    ) -> Callable[[View], View]:
        """Shapes what the view returns by a schema."""
        return super().response(status_code, schema, **options)  # type: ignore[no-any-return]

    def alt_response(self, status_code: int, **options: Any) -> Callable[[View], View]:
        """Documents another answer."""
        return super().alt_response(status_code, **options)  # type: ignore[no-any-return]

    @staticmethod
    def doc(*, parameters: Sequence[dict[str, Any]] = (), **told: Any) -> Callable[[View], View]:
        """Adds to the documentation what the code can't tell; parameters to those that it can."""

        def decorate(view: View) -> View:
            documented: View = Blueprint.doc(**told)(view)
            for parameter in parameters:
                documented = _documented(parameter)(documented)
            return documented

        return decorate

    def keyed(self, *, required: bool) -> Callable[[View], View]:
        """Documents the Idempotency-Key header; `loyalty.web.once.once` reads it."""
        return _documented({**_IDEMPOTENCY_KEY, "required": required})

    def conditional(self) -> Callable[[View], View]:
        """Documents the If-Match header; `loyalty.web.patch.if_match` reads it."""
        return _documented({**_IF_MATCH, "required": False})

    def _store_endpoint_docs(
        self, endpoint: str, obj: Any, parameters: Any, tags: Any, **options: Any
    ) -> None:
        super()._store_endpoint_docs(endpoint, obj, parameters, tags, **options)
        for method, told in self._docs[endpoint].items():
            if method != "parameters":
                told.setdefault("manual_doc", {}).setdefault(
                    "operationId", f"{self.name}_{endpoint}"
                )


def _documented(parameter: dict[str, Any]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        documented = {**getattr(view, "_apidoc", {})}
        arguments = {**documented.get("arguments", {})}
        arguments["parameters"] = [*arguments.get("parameters", ()), parameter]
        view._apidoc = {**documented, "arguments": arguments}  # type: ignore[attr-defined]
        return view

    return decorate


class Document(Api):  # type: ignore[misc]  # flask-smorest has no types
    """The OpenAPI document. Errors are rendered by loyalty.web.problems alone."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        """None: problems.install has them all."""

    def _register_etag_headers(self) -> None:
        """None: see loyalty.web.patch."""

    def _register_pagination_header(self) -> None:
        """None: see loyalty.web.lists."""

    def _register_responses(self) -> None:
        refusal = {
            "description": "Refused: `code` and `errors` say why, `type` how to mend it.",
            "content": {"application/problem+json": {"schema": ProblemSchema}},
        }
        for name in (
            self.DEFAULT_ERROR_RESPONSE_NAME,
            HTTPStatus(StrictParser.DEFAULT_VALIDATION_STATUS).name,
        ):
            self.spec.components.response(name, refusal, lazy=True)
