"""Hearing what OpenLineage's client could not deliver, where it raises nothing.

Kafka's transport and the asynchronous one take an event, and tell their log alone what became of
it; so does one of several transports, if another took the event.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ai_dataflow.config.diagnostics import redacted

_QUIET = ("openlineage", "urllib3.connectionpool")
_TRANSPORTS = "openlineage.client.transport"
_SEVERAL = f"{_TRANSPORTS}.composite"  # warns of what one of them could not do
_KAFKA = "kafka"


class Ears(logging.Handler):
    """What transports told their log: events that were not delivered, in their order.

    `trouble` is what Kafka's library said last of its brokers; it tries again by itself.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.undelivered: list[str] = []
        self.trouble = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Hear one line of the log."""
        if record.levelno >= logging.ERROR or record.name == _SEVERAL:
            self.undelivered.append(redacted(record.getMessage()))

    def on_trouble(self, error: Any) -> None:
        """Hear of a broker: `error` is one of Kafka's library."""
        if not (self.trouble and error.name() == "_ALL_BROKERS_DOWN"):  # as was just said
            self.trouble = redacted(error.str())


def with_ears(configured: Any, ears: Ears) -> Any:
    """Give the configuration of a transport with what it has to tell us, be it one of several.

    Kafka's is not to print what it tells, nor to wait for each event, unless it is told to: the
    end waits for all of them.
    """
    if isinstance(configured, list):
        return [with_ears(each, ears) for each in configured]
    if not isinstance(configured, dict):
        return configured
    if configured.get("type") == _KAFKA and isinstance(configured.get("config"), dict):
        config = {"log_level": 0, **configured["config"], "error_cb": ears.on_trouble}
        return {"flush": False, **configured, "config": config}
    return {name: with_ears(value, ears) for name, value in configured.items()}


@contextmanager
def listening() -> Iterator[Ears]:
    """Listen to the log of transports, and keep it from the terminal: we say it once."""
    ears, transports = Ears(), logging.getLogger(_TRANSPORTS)
    loggers = [transports, *map(logging.getLogger, _QUIET)]
    before = [(logger, logger.level) for logger in loggers]
    if "OPENLINEAGE_CLIENT_LOGGING" not in os.environ:
        for logger in loggers:
            logger.setLevel(logging.WARNING if logger is transports else logging.CRITICAL)
        transports.propagate = False
    transports.addHandler(ears)
    try:
        yield ears
    finally:
        transports.removeHandler(ears)
        transports.propagate = True
        for logger, level in before:
            logger.setLevel(level)
