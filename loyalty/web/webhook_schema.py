"""What webhooks and events look like at the door."""

from __future__ import annotations

import re
from typing import Any

from loyalty.events.feed import CURSOR, TYPES, Place
from loyalty.events.happenings import WebhookTest
from loyalty.web.fields import (
    Attributes,
    Choice,
    Id,
    Instant,
    Integer,
    ListOf,
    Part,
    Schema,
    Slug,
    Text,
)
from loyalty.web.fields.text import Formed
from loyalty.web.lists import MAX_LIMIT, Limited, ListById

_LATEST = "latest"
_MOST_PROGRAMS = 100
_LONGEST_OVERLAP_H = 168
_DAY_H = 24


class Cursor(Formed):
    """A place in the feed of events, as events tell it."""

    form = CURSOR
    meaning = "A cursor is 48 digits: `cursor` of a page, or `sequence` of an event."


class CursorOrLatest(Formed):
    """A place in the feed, or where it ends now."""

    form = re.compile(f"{_LATEST}|{Cursor.form.pattern}")
    meaning = Cursor.meaning


def place_of(cursor: str | None) -> Place | None:
    """The place that a loaded cursor means; None for where the feed ends now."""
    return None if cursor == _LATEST else Place.parse(cursor) if cursor else Place()


class EventArgs(Limited):
    """Which events, and after which place."""

    after = CursorOrLatest(
        load_default=None,
        allow_none=False,
        metadata={"description": "`cursor` of the page before; `latest` begins with what comes."},
    )
    type = Choice(sorted(TYPES), load_default=None, allow_none=False)
    program = Slug(load_default=None, allow_none=False)


class CloudEventSchema(Schema):
    """An event, as CloudEvents 1.0 writes it. `sequence` is its cursor and sorts as the events do;
    within one `partitionkey` they stand in the order in which they happened."""

    specversion = Choice(("1.0",), required=True)
    id = Text(required=True, most=100)
    source = Text(required=True, most=100)
    type = Choice(sorted(TYPES), required=True)
    subject = Text(required=True, most=500)
    time = Instant(required=True)
    datacontenttype = Choice(("application/json",), required=True)
    sequence = Cursor(required=True)
    partitionkey = Text(required=True, most=500)
    program = Slug()
    data = Attributes(required=True)


class EventsSchema(Schema):
    """A page of the feed, the oldest first. `next` is there as long as there is more; `cursor` is
    where to go on at the next time, also when nothing was found."""

    data = ListOf(Part(CloudEventSchema), most=MAX_LIMIT, required=True)
    next = Cursor(required=True, allow_none=True)
    cursor = Cursor(required=True)


_TYPES: dict[str, Any] = {"metadata": {"description": "Left out or null: all."}}


class NewWebhookSchema(Schema):
    """Where to tell what."""

    url = Text(required=True, least=9, most=2000)
    description = Text(least=0, most=200, load_default="")
    types = ListOf(
        Choice(sorted(TYPES)),
        least=1,
        most=len(TYPES),
        load_default=None,
        allow_none=True,
        **_TYPES,
    )
    programs = ListOf(
        Slug(), least=1, most=_MOST_PROGRAMS, load_default=None, allow_none=True, **_TYPES
    )


class WebhookChangeSchema(Schema):
    """A merge patch. `active` makes a paused or disabled one go on from where it stopped."""

    url = Text(least=9, most=2000)
    description = Text(least=0, most=200)
    types = ListOf(Choice(sorted(TYPES)), least=1, most=len(TYPES), allow_none=True)
    programs = ListOf(Slug(), least=1, most=_MOST_PROGRAMS, allow_none=True)
    status = Choice(("active", "paused"))


class WebhookSchema(Schema):
    """A webhook, without its secret. `failing_since` is there while nothing gets through."""

    id = Id(required=True)
    url = Text(required=True, most=2000)
    description = Text(required=True, least=0)
    types = ListOf(Text(), most=len(TYPES), required=True, allow_none=True)
    programs = ListOf(Slug(), most=_MOST_PROGRAMS, required=True, allow_none=True)
    status = Choice(("active", "paused", "disabled"), required=True)
    disabled_reason = Text(required=True, allow_none=True, most=1000)
    failing_since = Instant(required=True, allow_none=True)
    old_secret_until = Instant(required=True, allow_none=True)
    waiting = Integer(required=True)
    dead = Integer(required=True)
    cursor = Cursor(required=True)
    version = Integer(required=True)
    created_at = Instant(required=True)


class ToldWebhookSchema(WebhookSchema):
    """A webhook that has just been made; `secret` verifies its messages, and is not told again."""

    secret = Text(required=True)


class RotateWebhookSchema(Schema):
    """For so many hours the old secret signs too, so that receivers can change; 0 for none."""

    overlap_hours = Integer(most=_LONGEST_OVERLAP_H, load_default=_DAY_H)


class WebhookSecretSchema(Schema):
    """The new secret, told this once."""

    secret = Text(required=True)
    old_secret_until = Instant(required=True, allow_none=True)


class ReplaySchema(Schema):
    """From where on everything is told again; without it, from the beginning of the feed."""

    after = Cursor(load_default="0" * 48)


class DeliveryArgs(ListById):
    """Which deliveries."""

    status = Choice(("pending", "delivered", "dead"), load_default=None, allow_none=False)


class DeliverySchema(Schema):
    """One event for one webhook. `answered` is the HTTP status of the last try; `error` says why
    it did not arrive; `due_at` is when it is tried next."""

    id = Id(required=True)
    event_id = Text(required=True)
    type = Choice([*sorted(TYPES), WebhookTest.TYPE], required=True)
    subject = Text(required=True, most=500)
    status = Choice(("pending", "delivered", "dead"), required=True)
    attempts = Integer(required=True)
    due_at = Instant(required=True, allow_none=True)
    tried_at = Instant(required=True, allow_none=True)
    answered = Integer(required=True, allow_none=True)
    error = Text(required=True, allow_none=True, most=1000)
    took_ms = Integer(required=True, allow_none=True)
    laid_out_at = Instant(required=True)


class DeliveryToldSchema(DeliverySchema):
    """A delivery with what is sent."""

    body = Attributes(required=True)
