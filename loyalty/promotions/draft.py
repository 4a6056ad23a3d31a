"""A promotion is thought up: added as a draft, changed, and drafted anew after it was published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.errors import Conflict, Invalid
from loyalty.programs.queries import Program
from loyalty.promotions.desk import Promotion, promotion_by_key
from loyalty.promotions.fixture import read_fixtures
from loyalty.promotions.models import PromotionRow, PromotionVersionRow
from loyalty.promotions.revise import revise, write_down
from loyalty.promotions.rules_form import read_rule

MOST_VERSIONS = 1000
_OF_VERSION = ("rule", "fixtures", "starts_at", "ends_at")


class PromotionExists(Conflict):
    """409: the key is taken."""

    code = "promotion_exists"
    title = "There is a promotion of this key already"
    cure = "Choose another key, or draft a new version of the promotion that is there."


class DraftExists(Conflict):
    """409: there is one draft at a time."""

    code = "draft_exists"
    title = "There is a draft already"
    cure = "Change the draft that is there by PATCH, or publish it."


class NoDraft(Conflict):
    """409: what was published never changes."""

    code = "no_draft"
    title = "There is no draft to change"
    cure = "Draft a new version: POST …/versions."


class NotByHand(Conflict):
    """409: the standing promotion is the program's earn rate."""

    code = "standing_promotion"
    title = "The standing promotion is made of the program's earn rate"
    cure = "Change `earn_rate` of the program."


def add_promotion(
    session: Session,
    program: Program,
    values: Mapping[str, Any],
    by: By,
) -> Promotion:
    """Adds a promotion whose first version is a draft: `{key, name, rule, fixtures, starts_at,
    ends_at}`. Raises PromotionExists, Invalid."""
    _check(values)
    promotion_id: int | None = session.scalar(
        insert_or_not(PromotionRow)
        .values(
            tenant_id=session.info["tenant_id"],
            program_id=program.id,
            key=values["key"],
            name=values["name"],
            standing=False,
            created_at=by.at,
        )
        .on_conflict_do_nothing()
        .returning(PromotionRow.id)
    )
    if promotion_id is None:
        raise PromotionExists(f"There is a promotion {values['key']!r} already.")
    _insert(session, promotion_id, 1, values)
    added = promotion_by_key(session, program.id, values["key"])
    write_down(session, program, "promotion.add", None, added, by)
    return added


def add_draft(
    session: Session,
    program: Program,
    promotion: Promotion,
    values: Mapping[str, Any],
    by: By,
) -> Promotion:
    """Drafts the next version of a promotion that was read with `lock`.

    Rule and fixtures are those of the newest version unless `values` brings others. Raises
    DraftExists, NotByHand, Invalid.
    """
    by_hand(promotion)
    if promotion.draft is not None:
        raise DraftExists(f"Version {promotion.draft.number} is a draft.")
    newest = promotion.versions[-1]
    if newest.number >= MOST_VERSIONS:
        raise Invalid(f"A promotion has at most {MOST_VERSIONS} versions.")
    whole = {"rule": newest.rule, "fixtures": newest.fixtures, **values}
    _check(whole)
    _insert(session, promotion.id, newest.number + 1, whole)
    return revise(session, program, promotion, "promotion.draft", by)


def change_promotion(
    session: Session,
    program: Program,
    promotion: Promotion,
    patch: Mapping[str, Any],
    by: By,
) -> Promotion:
    """Changes the name, and rule, fixtures, start and end of the draft, each as a whole.

    `promotion` was read with `lock`. Raises NoDraft, NotByHand, Invalid.
    """
    by_hand(promotion)
    own = {name: value for name, value in patch.items() if name in _OF_VERSION}
    if own:
        draft = promotion.draft
        if draft is None:
            raise NoDraft(f"No version of {promotion.key!r} is a draft.")
        whole = {name: getattr(draft, name) for name in _OF_VERSION} | own
        _check(whole)
        session.execute(
            update(PromotionVersionRow)
            .where(
                PromotionVersionRow.tenant_id == session.info["tenant_id"],
                PromotionVersionRow.promotion_id == promotion.id,
                PromotionVersionRow.version == draft.number,
            )
            .values(**_columns(whole))
        )
    return revise(session, program, promotion, "promotion.change", by, name=patch.get("name"))


def by_hand(promotion: Promotion) -> None:
    """Raises NotByHand for the standing promotion."""
    if promotion.standing:
        raise NotByHand


def _check(values: Mapping[str, Any]) -> None:
    read_rule(values["rule"], "/rule")
    read_fixtures(values["fixtures"], "/fixtures")
    start, end = values["starts_at"], values["ends_at"]
    if start is not None and end is not None and end <= start:
        raise Invalid.field("/ends_at", "before_its_start", "It ends before it starts.")


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "rule": values["rule"],
        "fixtures": values["fixtures"],
        "starts_at": values["starts_at"] or "-infinity",
        "ends_at": values["ends_at"] or "infinity",
    }


def _insert(session: Session, promotion_id: int, number: int, values: Mapping[str, Any]) -> None:
    session.execute(
        insert(PromotionVersionRow).values(
            tenant_id=session.info["tenant_id"],
            promotion_id=promotion_id,
            version=number,
            status="draft",
            **_columns(values),
        )
    )
