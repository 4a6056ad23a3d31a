"""`loyalty ingest`: a topic of Kafka becomes purchases, until it is told to stop."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from loyalty import logs
from loyalty.cli.console import say
from loyalty.cli.trouble import Trouble
from loyalty.config import config
from loyalty.programs.cache import cached_program
from loyalty.streams.ingest import Ingest
from loyalty.streams.kafka import DeadLetters, Reader, see_to_topics
from loyalty.streams.take import Stream
from loyalty.tenants.queries import tenant_id_of
from loyalty.transaction import across_tenants, transaction


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be read, for whom, and how Kafka is reached."""

    brokers: str
    settings: Path | None
    topic: str
    dead_letters: str
    group: str
    tenant: str
    program: str
    sources: tuple[str, ...]
    most_waiting: int


def ingest(wish: Wish) -> None:
    """Reads until SIGTERM or Ctrl-C. Raises Trouble, NotFound, ConfigurationError."""
    if wish.dead_letters == wish.topic:
        raise Trouble("Dead letters can't go where they came from: name another --dead-letters.")
    settings = {**_settings(wish.settings), "bootstrap.servers": wish.brokers}
    with across_tenants() as session:
        tenant_id = tenant_id_of(session, wish.tenant)
    program = cached_program(tenant_id, wish.program, transaction)
    see_to_topics(settings, wish.topic, wish.dead_letters)
    logs.configure(config().log_format)
    stream = Stream(
        wish.topic, tenant_id, program.slug, frozenset(wish.sources) if wish.sources else None
    )
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    reader = Reader(settings, wish.group, wish.topic)
    try:
        say(f"Reading {wish.topic!r} for {wish.program!r} of tenant {wish.tenant!r} until Ctrl-C.")
        dead_letters = DeadLetters(settings, wish.dead_letters)
        Ingest(stream, reader, dead_letters, stop, wish.most_waiting).run()
    finally:
        reader.close()


def _settings(file: Path | None) -> dict[str, str]:
    """What a file says to Kafka's client: `name=value` lines, as Kafka's own tools read them."""
    settings: dict[str, str] = {}
    for line in file.read_text().splitlines() if file else ():
        name, separator, value = line.partition("=")
        if line.strip() and not line.lstrip().startswith(("#", "!")):
            if not separator:
                raise Trouble(f"{file}: {line.split()[0]!r} has no value: write name=value.")
            settings[name.strip()] = value.strip()
    return settings
