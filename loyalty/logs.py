"""Structured logs: JSON lines for machines, readable lines on a terminal, never a secret.

`log = logger(__name__)`, then `log.info("what happened", activity_id=…)`. The request id of the
request at work is added by itself.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, cast

import structlog

#: The id of the request (or task) at work in this thread; in the logs and on the rows it caused.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_SECRET_NAME = re.compile(r"secret|password|token|authorization|api_key", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"(?P<kept>Bearer |://[^:/@\s]*:|\blk_[0-9a-f]+_)[^\s@'\"]+|eyJ[\w-]+\.[\w-]+\.[\w-]*"
)
_HIDDEN = "[hidden]"

_Event = MutableMapping[str, Any]


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger(name))


def configure(form: str = "auto", level: str = "INFO") -> None:
    """Sends everything, other libraries' logs too, to stderr. `form`: `json`, `text` or `auto`.

    `auto` is text on a terminal and JSON elsewhere. Called once by each process.
    """
    readable = form == "text" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        *([] if readable else [structlog.processors.format_exc_info]),
        _hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
                if readable
                else structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)


def _add_request_id(_: object, __: str, event: _Event) -> _Event:
    if (current := request_id.get()) is not None:
        event.setdefault("request_id", current)
    return event


def _hide_secrets(_: object, __: str, event: _Event) -> _Event:
    for name, value in event.items():
        event[name] = _HIDDEN if _SECRET_NAME.search(name) else _without_secrets(value)
    return event


def _without_secrets(value: object) -> object:
    if isinstance(value, str):
        return _SECRET_TEXT.sub(rf"\g<kept>{_HIDDEN}", value)
    if isinstance(value, Mapping):
        return {
            name: _HIDDEN if _SECRET_NAME.search(str(name)) else _without_secrets(inner)
            for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_without_secrets(inner) for inner in value]
    return value
