"""A Spark of this machine with small jobs, one of which kills what makes it, each time.

    python -m ai_dataflow_tests.engine.killing

Prints the codes of each client's failures.
"""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path

from ai_dataflow.config.sections import SparkSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine import spark
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow_tests.engine.test_spark import codes, sized
from ai_dataflow_tests.services.spark import JAVA_OPTIONS

KILLER = "client2"


def made(job: PartitionJob) -> PartitionResult:
    """Make nothing of a job; or die of it."""
    if job.client == KILLER:
        os.kill(os.getpid(), signal.SIGKILL)
    return PartitionResult(job)


def main() -> None:
    """Run the jobs and print what became of them."""
    conf = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.extraJavaOptions": JAVA_OPTIONS}  # fmt: skip
    settings = Settings(folder=Path(), spark=SparkSettings(master="local[2]", conf=conf))
    session = spark.open_session(settings)
    jobs = [sized(i, f"client{i}") for i in range(6)]
    tasks = [(job, partial(made, job)) for job in jobs]
    results = list(spark.run_tasks(tasks, spark.Cluster(session, STAGES), 1))
    session.stop()
    print(json.dumps(dict(zip([r.job.client for r in results], codes(results), strict=True))))


if __name__ == "__main__":
    # By its name, so that executors can import what they are to call.
    from ai_dataflow_tests.engine.killing import main as by_name

    by_name()
