"""The sensors of the mails: three queue what runs have to tell, one delivers.

They only write into the outbox. A sensor whose body raises still moves on to the next run, so none
does; what is missed all the same is found by the sender, which looks at the reports.
"""

import dagster as dg

from ai_dataflow.orchestration.mailing import is_ours, look_after, queue_run, quietly
from ai_dataflow.orchestration.resources import ProjectResource

_QUEUE_SECONDS = 10
_SEND_SECONDS = 20
_MOST_SECONDS = 30.0  # Dagster gives a tick 60


def _queueing(name: str, status: dg.DagsterRunStatus) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name=name,
        run_status=status,
        minimum_interval_seconds=_QUEUE_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Queues the mails of runs that have ended so; sends none.",
    )
    def sensor(context: dg.RunStatusSensorContext, project: ProjectResource) -> None:
        """Queue the mails of a run."""
        if not is_ours(context.dagster_run):
            return
        try:
            said = queue_run(context.instance, context.dagster_run, project.settings())
            context.log.info(f"run {context.dagster_run.run_id}: {said}")
        except Exception as error:
            quietly(context, error)

    return sensor


mail_sensors = [
    _queueing("mails_of_successes", dg.DagsterRunStatus.SUCCESS),
    _queueing("mails_of_failures", dg.DagsterRunStatus.FAILURE),
    _queueing("mails_of_cancellations", dg.DagsterRunStatus.CANCELED),
]


@dg.sensor(
    name="mail_sender",
    minimum_interval_seconds=_SEND_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Delivers the mails that wait, and queues those of runs that no sensor saw.",
)
def mail_sender(context: dg.SensorEvaluationContext, project: ProjectResource) -> dg.SkipReason:
    """Deliver what is due."""
    try:
        done, unseen = look_after(
            context.instance, project.settings(), is_daemon=True, seconds=_MOST_SECONDS
        )
    except Exception as error:
        return dg.SkipReason(f"mails: {quietly(context, error)}")
    for entry in done.given_up:
        context.log.warning(f"given up: {entry.letter.key}: {entry.code} {entry.last_error}")
    runs = f", queued of {len(unseen)} runs that no sensor saw" if unseen else ""
    return dg.SkipReason(
        f"{len(done.sent)} mails sent, {len(done.waiting)} waiting, "
        f"{len(done.given_up)} given up{runs}"
    )
