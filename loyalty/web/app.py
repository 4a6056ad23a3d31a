"""The Flask app: what every request passes through, and the resources behind it."""

from __future__ import annotations

import re
import sys
from typing import Any

import orjson
from flask import Flask, Response, request
from flask.json.provider import JSONProvider

from loyalty import garbage, logs
from loyalty.config import config
from loyalty.ids import uuid7
from loyalty.web import documents, headers, health, limits, paths, problems, proxies, unsubscribe
from loyalty.web.body import MAX_BODY_BYTES
from loyalty.web.graphql import view as graphql
from loyalty.web.rest.adjustments import adjustments
from loyalty.web.rest.api_keys import api_keys
from loyalty.web.rest.audit_log import audit_log
from loyalty.web.rest.book import book
from loyalty.web.rest.bulk_acts import bulk_acts
from loyalty.web.rest.campaigns import campaigns
from loyalty.web.rest.earns import earns
from loyalty.web.rest.entries import entries
from loyalty.web.rest.erasures import erasures
from loyalty.web.rest.events import events
from loyalty.web.rest.exports import exports
from loyalty.web.rest.goals import goals
from loyalty.web.rest.identity_providers import identity_providers
from loyalty.web.rest.imports import imports
from loyalty.web.rest.log_in import log_ins
from loyalty.web.rest.mail_templates import mail_templates
from loyalty.web.rest.mails import mails
from loyalty.web.rest.me import me
from loyalty.web.rest.members import members
from loyalty.web.rest.merges import merges
from loyalty.web.rest.operators import operators
from loyalty.web.rest.products import products
from loyalty.web.rest.programs import programs
from loyalty.web.rest.promotions import promotions
from loyalty.web.rest.re_evaluations import re_evaluations
from loyalty.web.rest.redemptions import redemptions
from loyalty.web.rest.referrals import referrals
from loyalty.web.rest.retailers import retailers
from loyalty.web.rest.returns import returns
from loyalty.web.rest.rewards import rewards
from loyalty.web.rest.segments import segments
from loyalty.web.rest.statement import statements
from loyalty.web.rest.tenants import tenants
from loyalty.web.rest.test_clock import test_clock
from loyalty.web.rest.tiers import tiers
from loyalty.web.rest.token_secrets import token_secrets
from loyalty.web.rest.tokens import tokens
from loyalty.web.rest.totals import totals
from loyalty.web.rest.transfers import transfers
from loyalty.web.rest.webhooks import webhooks

RESOURCES = (
    programs,
    promotions,
    retailers,
    products,
    segments,
    tiers,
    goals,
    campaigns,
    referrals,
    members,
    earns,
    returns,
    totals,
    re_evaluations,
    redemptions,
    rewards,
    adjustments,
    bulk_acts,
    transfers,
    merges,
    statements,
    entries,
    events,
    webhooks,
    erasures,
    exports,
    imports,
    mail_templates,
    mails,
    log_ins,
    me,
    operators,
    tokens,
    api_keys,
    token_secrets,
    identity_providers,
    tenants,
    audit_log,
    book,
    test_clock,
)

#: A burn that comes back from Postgres takes its turn after this long, not after Python's 5 ms,
#: while another thread reads a batch of purchases.
_SWITCH_S = 0.001

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class _Json(JSONProvider):
    """Answers are written by orjson."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """JSON text."""
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Requests are read by loyalty.web.body alone; this is for Flask's test client."""
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """The answer."""
        body = orjson.dumps(self._prepare_response_obj(args, kwargs))
        return Response(body, mimetype="application/json")


def create_app() -> Flask:
    """The WSGI app of one process. Raises ConfigurationError."""
    logs.configure(config().log_format)
    sys.setswitchinterval(_SWITCH_S)
    app = Flask("loyalty", static_folder=None)
    app.json = _Json(app)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.before_request(_name_request)
    app.after_request(_tell_its_name)
    headers.install(app, hsts_s=config().hsts_s, origins=config().cors_origins)
    proxies.install(app, config().proxies)
    limits.install(app)
    paths.install(app)
    problems.install(app)
    health.install(app)
    unsubscribe.install(app)
    api = documents.document_of(app)
    for resource in RESOURCES:
        api.register_blueprint(resource)
    graphql.install(app, introspection=config().graphql_introspection)
    documents.install(app, api)
    garbage.look_seldom()
    return app


def _name_request() -> None:
    given = request.headers.get("X-Request-Id")
    usable = given is not None and _REQUEST_ID.fullmatch(given) is not None
    logs.request_id.set(given if usable else str(uuid7()))


def _tell_its_name(response: Response) -> Response:
    response.headers["X-Request-Id"] = logs.request_id.get() or ""
    return response
