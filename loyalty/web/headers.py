"""What every answer tells browsers and caches, and whose pages may read it (CORS)."""

from __future__ import annotations

from collections.abc import Collection

from flask import Flask, Response, request

_ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
]
#: An answer is no page; the few that are bring a policy of their own.
_NO_PAGE = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
#: Balances and tokens stay in no cache; what may says so itself.
_NOT_KEPT = ("Cache-Control", "no-store")

_METHODS = "GET, POST, PUT, PATCH, DELETE"
_MAY_SEND = "Authorization, Content-Type, Idempotency-Key, If-Match, Prefer, X-Request-Id"
_MAY_READ = (
    "ETag, Idempotency-Replayed, Link, Location, Preference-Applied, RateLimit, "
    "RateLimit-Policy, Retry-After, X-Request-Id"
)
_PREFLIGHT_S = 600


def install(app: Flask, *, hsts_s: int, origins: Collection[str]) -> None:
    """Adds the headers to every answer; answers browsers of `origins`, where there are some.

    Over https a browser is told to use nothing else for `hsts_s` seconds.
    """
    secure = [*_ALWAYS]
    if hsts_s:
        secure.append(("Strict-Transport-Security", f"max-age={hsts_s}; includeSubDomains"))

    def harden(response: Response) -> Response:
        headers = response.headers
        headers.extend(secure if request.is_secure else _ALWAYS)
        for name, value in (_NO_PAGE, _NOT_KEPT):
            if name not in headers:
                headers.add(name, value)
        return response

    app.after_request(harden)
    if origins:
        _let_pages_read(app, frozenset(origins))


def _let_pages_read(app: Flask, origins: frozenset[str]) -> None:
    def answer_preflight() -> Response | None:
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response(status=204) if asks else None

    def share(response: Response) -> Response:
        response.vary.add("Origin")
        if (origin := request.headers.get("Origin")) in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _MAY_READ
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = _METHODS
                response.headers["Access-Control-Allow-Headers"] = _MAY_SEND
                response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_S)
        return response

    app.before_request(answer_preflight)
    app.after_request(share)
