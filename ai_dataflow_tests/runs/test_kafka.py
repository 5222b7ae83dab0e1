"""OpenLineage's events over Kafka: a cluster of its own library, which speaks the protocol."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ai_dataflow.cli.starter import write_project
from ai_dataflow.runs.lineage import emitting
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.catalogue import Event, checked, once, problems
from ai_dataflow_tests.services.processes import wait_until

NOTHING: Mapping[str, Any] = {}
RUN, ACME, BOREALIS = "ai_dataflow", "ai_dataflow.claims|acme", "ai_dataflow.claims|borealis"


@pytest.fixture(autouse=True)
def _forget_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_CONFIG", "")
    monkeypatch.delenv("OPENLINEAGE_CONFIG")


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    """Give the project that `ai-dataflow init` writes."""
    write_project(tmp_path / "p", "minimal")
    return tmp_path / "p"


def to_kafka(
    folder: Path, brokers: str, further: Mapping[str, Any] = NOTHING, **transport: Any
) -> None:
    """Let OpenLineage's own file name a topic."""
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    config = {"bootstrap.servers": brokers, **further}
    once(folder, type="kafka", topic="lineage", config=config, **transport)


def in_topic(brokers: str, number: int) -> list[tuple[str, Event]]:
    """Read so many events, each with its key, from the start of a topic."""
    import confluent_kafka as kafka  # noqa: PLC0415 - who has it not skips

    reader = kafka.Consumer({"bootstrap.servers": brokers, "group.id": "test", "log_level": 0})
    parts = reader.list_topics("lineage", timeout=30).topics["lineage"].partitions
    reader.assign([kafka.TopicPartition("lineage", p, kafka.OFFSET_BEGINNING) for p in parts])
    read: list[tuple[str, Event]] = []

    def more() -> bool:
        for message in reader.consume(number, timeout=0.1):
            assert message.error() is None
            read.append((message.key().decode(), checked(json.loads(message.value()))))
        return len(read) >= number

    wait_until(more, 60, 0)
    reader.close()
    return read


@pytest.fixture
def brokers() -> Iterator[str]:
    """Give a cluster that speaks Kafka's protocol on loopback; it ends with its client."""
    admin = pytest.importorskip("confluent_kafka.admin", reason="confluent-kafka is not installed")
    client = admin.AdminClient({"test.mock.num.brokers": 3, "log_level": 0})
    yield ",".join(f"{b.host}:{b.port}" for b in client.list_topics(timeout=30).brokers.values())
    del client


def test_events_go_to_kafka_where_the_configuration_says_so(starter: Path, brokers: str) -> None:
    to_kafka(starter, brokers)
    assert not problems(spine.run(starter))
    read = in_topic(brokers, 6)
    assert {key for key, _ in read} == {f"run:ai_dataflow/{RUN}"}, "so they keep their order"
    assert [(e["job"]["name"], e["eventType"]) for _, e in read] == [
        (name, state) for name in (RUN, ACME, BOREALIS) for state in ("START", "COMPLETE")
    ]


@pytest.mark.parametrize("flush", [False, True], ids=["at the end", "each"])
def test_a_broker_that_is_away_is_a_warning_and_no_more(
    starter: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    flush: bool,
) -> None:
    monkeypatch.setattr(emitting, "_SECONDS", 0.5)
    secret = {"sasl.password": "hunter2"}
    to_kafka(starter, "127.0.0.1:1", secret, **({"flush": True} if flush else {}))
    report = spine.run(starter)
    assert report.exit_code == 0
    (problem,) = problems(report)
    assert "OpenLineage was not told of this run" in problem["message"]
    assert "Connection refused" in problem["message"]
    assert "hunter2" not in report.model_dump_json()
    assert capfd.readouterr() == ("", ""), "it is said once, in the report"


def test_events_that_kafka_gives_up_are_told(starter: Path) -> None:
    """Its transport raises nothing then, and its end says that nothing is left to do."""
    to_kafka(starter, "127.0.0.1:1", {"message.timeout.ms": 100})
    (problem,) = problems(spine.run(starter))
    assert "_MSG_TIMED_OUT" in problem["message"]


def test_what_kafka_needs_is_told_with_the_line_that_installs_it(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    once(starter, type="kafka", topic="lineage", config={"bootstrap.servers": "127.0.0.1:1"})
    (problem,) = problems(spine.run(starter))
    assert problem["fix"] == "pip install 'ai_dataflow[kafka]'"
