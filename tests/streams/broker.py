"""A real Kafka: one broker, its own controller, on ports of its own, with 512 MiB at most."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from loyalty.cli import parts
from loyalty.embedded.valkey import free_port
from tests.architecture.sources import ROOT
from tests.stack import Process

JARS = ROOT / "var" / "kafka"
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""
_CLUSTER = "bG95YWx0eS10ZXN0cy0xMg"  # any 16 bytes
_PATIENCE_S = 30.0


class Broker:
    """Kafka on `address`. `process` is ours to kill and start again."""

    def __init__(self, folder: Path) -> None:
        port, controller = free_port(), free_port()
        self.address = f"127.0.0.1:{port}"
        self.settings = {"bootstrap.servers": self.address}
        properties = folder / "server.properties"
        properties.write_text(
            _PROPERTIES.format(port=port, controller=controller, folder=folder).lstrip()
        )
        java = shutil.which("java")
        assert java, "Kafka needs Java 17 or newer"
        assert list(JARS.glob("kafka_*.jar")), "Kafka's jars are missing: make test-kafka"
        command = (java, "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{JARS}/*")
        format_ = ("kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(properties))
        subprocess.run([*command, *format_], check=True, capture_output=True, cwd=folder)
        server = parts.Part("kafka", (*command, "kafka.Kafka", str(properties)), grace_s=30)
        self.process = Process(server, {}, folder / "kafka.log", self._answers)

    def make_topic(self, name: str, partitions: int = 1, **settings: str) -> None:
        """A topic that stays as it was asked for; `_` in a setting's name is a dot."""
        told = {setting.replace("_", "."): value for setting, value in settings.items()}
        admin = self._admin()  # kept: it ends with what it was asked for
        admin.create_topics([NewTopic(name, partitions, config=told)])[name].result(_PATIENCE_S)

    def change_topic(self, name: str, **settings: str) -> None:
        """Settings that are other from now on."""
        entries = [
            ConfigEntry(told.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
            for told, value in settings.items()
        ]
        asked = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        admin = self._admin()
        admin.incremental_alter_configs([asked])[asked].result(_PATIENCE_S)

    def send(self, topic: str, values: Sequence[bytes | None], key: bytes | None = None) -> None:
        """Returns when the broker has all of them, in order within a partition."""
        failed: list[object] = []
        producer = Producer({**self.settings, "linger.ms": 5})

        def told(error: object, _: object) -> None:
            if error is not None:
                failed.append(error)

        for value in values:
            producer.produce(topic, value, key, on_delivery=told)
            producer.poll(0)
        assert not producer.flush(_PATIENCE_S)
        assert failed == []

    def read(self, topic: str, count: int) -> list[Message]:
        """The first `count` messages of a topic of one partition, and that there are no more."""
        reader = Consumer({**self.settings, "group.id": "none", "enable.auto.commit": False})
        with reader:
            reader.assign([TopicPartition(topic, 0, 0)])
            found = reader.consume(count, _PATIENCE_S) if count else []
            [_, end] = reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=_PATIENCE_S)
        assert (len(found), end) == (count, count)
        return found

    def uncommitted(self, topic: str, group: str) -> int:
        """How many messages of the topic the group has not committed."""
        reader = Consumer({**self.settings, "group.id": group})
        with reader:
            there = self._admin().list_topics(timeout=_PATIENCE_S).topics[topic].partitions
            ours = [TopicPartition(topic, number) for number in there]
            return sum(
                reader.get_watermark_offsets(one, timeout=_PATIENCE_S)[1] - max(one.offset, 0)
                for one in reader.committed(ours, timeout=_PATIENCE_S)
            )

    def _admin(self) -> AdminClient:
        return AdminClient(dict(self.settings))

    def _answers(self) -> bool:
        try:
            return bool(self._admin().list_topics(timeout=1).brokers)
        except KafkaException:
            return False


@contextmanager
def running_broker(folder: Path) -> Iterator[Broker]:
    """A broker that is stopped at the end."""
    broker = Broker(folder)
    try:
        broker.process.start()
        yield broker
    finally:
        broker.process.stop()
