"""Goals: what campaigns want of members; each may belong to several campaigns."""

from __future__ import annotations

from typing import Any

from flask import Response

from loyalty.campaigns import find
from loyalty.campaigns.define import NewGoal, define_goal, drop_goal
from loyalty.campaigns.models import GoalRow
from loyalty.clock import now
from loyalty.programs.queries import program_by_slug
from loyalty.transaction import transaction
from loyalty.web.answers import json_answer
from loyalty.web.auth import acting, allow, tenant
from loyalty.web.campaign_schema import GoalSchema, NewGoalSchema
from loyalty.web.lists import ListByNumber, page, page_schema
from loyalty.web.once import once
from loyalty.web.resource import Resource

goals = Resource("goals", description="What campaigns want of members: buy, visit, rise, refer.")
_TOLD = GoalSchema()


@goals.route("/programs/<slug:program>/goals", methods=["POST"])
@allow("campaigns.change")
@goals.keyed(required=False)
@goals.arguments(NewGoalSchema)
@goals.response(201, GoalSchema)
def create(wanted: dict[str, Any], program: str) -> Response:
    """Define a goal."""
    rule = {name: value for name, value in wanted.items() if name not in {"key", "name"}}
    order = NewGoal(wanted["key"], wanted["name"], rule)
    with transaction(tenant()) as session:
        at, book = now(session), program_by_slug(session, program)

        def act() -> dict[str, Any]:
            return _shown(define_goal(session, book, order, by=acting(at)))

        return once(session, wanted, act, at=at, required=False)


@goals.route("/programs/<slug:program>/goals", methods=["GET"])
@allow("campaigns.read")
@goals.arguments(ListByNumber, location="query")
@goals.response(200, page_schema(GoalSchema))
def browse(asked: dict[str, Any], program: str) -> Response:
    """List the goals, newest first."""
    limit = asked["limit"]
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        found = find.goals(session, book, before=asked["after"], limit=limit + 1)
    told, status, headers = page(found, limit, lambda goal: goal.id)
    return json_answer({**told, "data": [_shown(one) for one in told["data"]]}, status, headers)


@goals.route("/programs/<slug:program>/goals/<slug:key>", methods=["GET"])
@allow("campaigns.read")
@goals.response(200, GoalSchema)
def read(program: str, key: str) -> Response:
    """Tell a goal."""
    with transaction(tenant()) as session:
        goal = find.goal_by_key(session, program_by_slug(session, program), key)
    return json_answer(_shown(goal))


@goals.route("/programs/<slug:program>/goals/<slug:key>", methods=["DELETE"])
@allow("campaigns.change")
@goals.response(200, GoalSchema)
def delete(program: str, key: str) -> Response:
    """Take away a goal that no campaign has."""
    with transaction(tenant()) as session:
        book = program_by_slug(session, program)
        goal = find.goal_by_key(session, book, key, lock=True)
        at = now(session)
        drop_goal(session, book, goal, by=acting(at))
    return json_answer(_shown(goal))


def _shown(goal: GoalRow) -> dict[str, Any]:
    told = _TOLD.dump({"key": goal.key, "name": goal.name, "created_at": goal.created_at})
    return {**told, **goal.rule}
