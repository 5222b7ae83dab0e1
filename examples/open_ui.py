"""Open a project in Dagster's web page until Ctrl-C, and print the link once it answers.

Example: python examples/open_ui.py demo 3001
"""

import argparse
import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

HOST = "127.0.0.1"
FIRST, LAST = 3000, 3099  # Dagster's usual port, and how far to look for a free one


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError:
            return False
        return True


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/server_info")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _serve(folder: Path, port: int) -> int:
    """Run `dagster dev` on the project and its instance; return its exit code."""
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "dev"]
    options = ["-m", "ai_dataflow.definitions", "-h", HOST, "-p", str(port)]
    places = {"AI_DATAFLOW_CONFIG": str(folder), "DAGSTER_HOME": str(folder / ".dagster")}
    running = subprocess.Popen(  # noqa: S603 - our own command
        [*command, *options, "--log-level", "warning"], cwd=folder, env={**os.environ, **places}
    )
    try:
        while running.poll() is None and not _answers(port):
            time.sleep(0.3)
        if running.poll() is None:
            print(f"\n  Dagster is open: http://{HOST}:{port}    (Ctrl-C ends it)\n", flush=True)
        return running.wait()
    except KeyboardInterrupt:  # the terminal has told `dagster dev` too: it ends what it started
        running.wait()
        return 0


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", metavar="DIR", type=Path, help="a project that has run")
    parser.add_argument(
        "port", metavar="PORT", type=int, nargs="?", help=f"[{FIRST}, or a free one]"
    )
    given = parser.parse_args()
    folder = given.dir.absolute()
    if not (folder / ".dagster").is_dir():
        parser.exit(2, f"{given.dir} has no run yet: make {given.dir.name}\n")
    ports = [given.port] if given.port else range(FIRST, LAST + 1)
    port = next(filter(_is_free, ports), None)
    if port is None:
        parser.exit(2, f"port {ports[0]} is taken: choose another, as in make ui PORT=3456\n")
    print(f"Starting Dagster on {given.dir}; it takes about 10 seconds.", flush=True)
    return _serve(folder, port)


if __name__ == "__main__":
    sys.exit(main())
