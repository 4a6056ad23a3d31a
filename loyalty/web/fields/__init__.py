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
from loyalty.web.fields.text import (
    Choice,
    Currency,
    Id,
    MemberId,
    Slug,
    Text,
    TimeZone,
)
from loyalty.web.fields.times import Day, Instant, instant_text

__all__ = [
    "Attributes",
    "Choice",
    "Currency",
    "Day",
    "Flag",
    "Id",
    "Instant",
    "Integer",
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
    "Text",
    "TimeZone",
    "instant_text",
    "money_text",
    "refuse",
]
