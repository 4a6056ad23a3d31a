"""The typed fields of requests and answers; their limits stand in the OpenAPI document too."""

from loyalty.web.fields.base import Part, Refusal, Schema, refuse
from loyalty.web.fields.numbers import (
    Flag,
    Integer,
    Money,
    Points,
    QueryFlag,
    QueryInteger,
    money_text,
)
from loyalty.web.fields.several import Attributes, ListOf
from loyalty.web.fields.straight import StraightSchema
from loyalty.web.fields.text import (
    Choice,
    Code,
    Currency,
    Email,
    EntryId,
    Id,
    Language,
    MemberId,
    Slug,
    Source,
    Text,
    TimeZone,
)
from loyalty.web.fields.times import Day, Instant, Iso8601Duration, instant_text

__all__ = [
    "Attributes",
    "Choice",
    "Code",
    "Currency",
    "Day",
    "Email",
    "EntryId",
    "Flag",
    "Id",
    "Instant",
    "Integer",
    "Iso8601Duration",
    "Language",
    "ListOf",
    "MemberId",
    "Money",
    "Part",
    "Points",
    "QueryFlag",
    "QueryInteger",
    "Refusal",
    "Schema",
    "Slug",
    "Source",
    "StraightSchema",
    "Text",
    "TimeZone",
    "instant_text",
    "money_text",
    "refuse",
]
