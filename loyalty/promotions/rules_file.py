"""A program's rules as YAML that people read and compare, and read back without surprises.

Of YAML's own guesses three are left: true and false, null, and whole numbers. So `NO` stays a
country, `17:00` a time of day, `2026-06-01` a day and `1.50` exactly that.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Any

import yaml

from loyalty.errors import Invalid

MOST_CHARACTERS = 1024 * 1024
_WIDTH = 100


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("Anchors are not read: write out what is meant.")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        names = [self.construct_object(name, deep=True) for name, _ in node.value]
        for index, name in enumerate(names):
            if not isinstance(name, str):
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    f"{name!r} is no name: put it in quotes",
                    node.value[index][0].start_mark,
                )
            if name in names[:index]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{name!r} stands here twice", node.value[index][0].start_mark
                )
        return super().construct_mapping(node, deep)


for _tag, _form, _first in (
    ("bool", "true|false", "tf"),
    ("null", "null|~|", ["n", "~", ""]),
    ("int", "0|-?[1-9][0-9]*", "-0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_form})$"), _first)


def to_yaml(document: Mapping[str, Any]) -> str:
    """The document as text; what is small stands on one line."""
    text: str = yaml.safe_dump(
        document, sort_keys=False, allow_unicode=True, default_flow_style=None, width=_WIDTH
    )
    return text


def from_yaml(text: str) -> dict[str, Any]:
    """The document of a text. Raises Invalid, saying in which line it cannot be read."""
    if len(text) > MOST_CHARACTERS:
        raise Invalid(f"The file is longer than {MOST_CHARACTERS} characters.")
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader that guesses less
    except yaml.YAMLError as error:
        raise Invalid(f"The file cannot be read: {_said(error)}.") from None
    if not isinstance(document, dict):
        raise Invalid("The file holds no object: it begins with `program:` or `promotions:`.")
    return document


def _said(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    said = str(getattr(error, "problem", None) or error).rstrip(".")
    return f"{said}, in line {mark.line + 1}" if mark else said
