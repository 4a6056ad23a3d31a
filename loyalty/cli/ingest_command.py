"""`loyalty ingest`: what can be typed; what it does is in loyalty/cli/ingest.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from loyalty.cli import surroundings
from loyalty.cli.frame import data as _data
from loyalty.cli.frame import in_one_sentence as _in_one_sentence
from loyalty.cli.frame import tenant as _tenant
from loyalty.cli.trouble import Trouble


@click.command()
@click.argument("topic")
@click.option("--program", required=True, help="The program whose purchases it holds.")
@_tenant
@click.option(
    "--source",
    "sources",
    multiple=True,
    help="A source it may speak for; again for more. [default: any]",
)
@click.option(
    "--brokers", envvar="LOYALTY_KAFKA_BROKERS", default="127.0.0.1:9092", show_default=True
)
@click.option(
    "--settings",
    envvar="LOYALTY_KAFKA_SETTINGS",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of name=value for Kafka's client: security, passwords.",
)
@click.option("--group", default="loyalty", show_default=True, help="Those who share the work.")
@click.option("--dead-letters", help="Where refused messages go. [default: TOPIC.dead-letters]")
@click.option(
    "--most-waiting",
    default=20_000,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="Purchases that may wait for a worker; more are left in Kafka.",
)
@_data
@_in_one_sentence
def ingest(data: Path, topic: str, dead_letters: str | None, **wish: Any) -> None:
    """Read purchases from a topic of Kafka until Ctrl-C: none lost, none counted twice.

    Start as many as the topic has partitions. Needs requirements-kafka.txt.
    """
    surroundings.use(data)
    try:
        from loyalty.cli.ingest import Wish, ingest
    except ModuleNotFoundError as missing:
        raise Trouble(
            f"Kafka's client is not there ({missing.name}): "
            ".venv/bin/pip install --require-hashes -r requirements-kafka.txt"
        ) from None
    ingest(Wish(topic=topic, dead_letters=dead_letters or f"{topic}.dead-letters", **wish))
