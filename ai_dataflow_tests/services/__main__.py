"""Azurite, PostgreSQL and an inbox in the background: `python -m ai_dataflow_tests.services up`.

One process serves them until `down`; it holds a lock, so that everyone knows whether it is there.
What is needed to use them is in a file that shells can read.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

from ai_dataflow_tests.services.azurite import ACCOUNTS, Azurite
from ai_dataflow_tests.services.maildev import Maildev
from ai_dataflow_tests.services.postgres import Postgres
from ai_dataflow_tests.services.processes import ServiceError, wait_until

RUN = Path(__file__).parents[2] / ".services" / "run"
ENVIRONMENT = RUN / "environment"
_LOCK = RUN / "lock"
_LOG = RUN / "log"
_SECTIONS = """
  [storage.orionlake]                        [sql.lyra]
  account_key = "${ORIONLAKE_KEY}"           url = "${LYRA_URL}"
  endpoint = "${ORIONLAKE_ENDPOINT}"         odbc = "${LYRA_ODBC}"

  [mail]
  host = "127.0.0.1"
  port = "${MAIL_PORT}"
  tls = "none"
  from = "ai-dataflow@example.org"
"""


def up() -> int:
    """Start the services, unless they run; tell how to use them."""
    if _server() is None:
        _start()
    return status()


def down() -> int:
    """Stop the services; their data goes with them."""
    pid = _server()
    if pid is None:
        print("The services do not run.")
        return 0
    os.kill(pid, signal.SIGTERM)
    if not wait_until(lambda: _server() is None):
        raise ServiceError(f"the services (process {pid}) do not stop; see {_LOG}")
    print("The services are stopped, their data is gone.")
    return 0


def status() -> int:
    """Tell whether the services run and how to use them."""
    pid = _server()
    if pid is None or not ENVIRONMENT.is_file():
        print("The services do not run: make services")
        return 1
    where = os.path.relpath(ENVIRONMENT)
    print(f"Azurite, PostgreSQL and maildev run (process {pid}), with nothing in them but yours.")
    print(f"\n{where} has their addresses and keys:\n")
    print(*(f"  {line}" for line in ENVIRONMENT.read_text(encoding="utf-8").splitlines()), sep="\n")
    print(f"\nIn a shell:  . {where}\nThen in an ai_dataflow.toml:\n{_SECTIONS}")
    print("The inbox page is at MAIL_INBOX.")
    print("The demo project on them:  make demo-azure\nStop them:  make services-stop")
    return 0


def serve() -> int:
    """Start the services and keep them until a signal comes."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    RUN.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("a+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        with Azurite() as azurite, Postgres() as postgres, Maildev() as inbox:
            _write_private(ENVIRONMENT, _shell(environment(azurite, postgres, inbox)))
            stop.wait()
            ENVIRONMENT.unlink()
    return 0


def _start() -> None:
    RUN.mkdir(parents=True, exist_ok=True)
    ENVIRONMENT.unlink(missing_ok=True)
    with _LOG.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ai_dataflow_tests.services", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    wait_until(lambda: process.poll() is not None or ENVIRONMENT.is_file())
    if not ENVIRONMENT.is_file():
        reason = _LOG.read_text(encoding="utf-8", errors="replace").strip()
        raise ServiceError(reason or "the services do not start")


def _server() -> int | None:
    """Give the id of the process that serves: the one that holds the lock."""
    try:
        with _LOCK.open("r", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return int(_LOCK.read_text(encoding="utf-8") or 0) or None
    return None


def environment(
    azurite: Azurite, postgres: Postgres, inbox: Maildev | None = None
) -> dict[str, str]:
    """Give the variables by which the demo finds the services."""
    values = {}
    for account in ACCOUNTS:
        values[f"{account.upper()}_ENDPOINT"] = azurite.endpoint(account)
        values[f"{account.upper()}_KEY"] = azurite.keys[account]
    values |= {"LYRA_URL": postgres.url(), "LYRA_ODBC": postgres.odbc()}
    return values | ({"MAIL_PORT": str(inbox.port), "MAIL_INBOX": inbox.url} if inbox else {})


def _shell(variables: dict[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def _write_private(path: Path, text: str) -> None:
    """Write a file that appears whole, for nobody else to read."""
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def main() -> int:
    """Run the command line."""
    commands = {"up": up, "down": down, "status": status, "serve": serve}
    parser = argparse.ArgumentParser(prog="ai_dataflow_tests.services", description=__doc__)
    parser.add_argument("command", choices=commands)
    try:
        return commands[parser.parse_args().command]()
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
