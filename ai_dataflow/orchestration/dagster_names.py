"""What Dagster calls our jobs and their steps: runs are known by these names, old ones too."""

JOB = "ai_dataflow_job"
STEP = "ai_dataflow"
REPLAY_JOB = "replay_rejects"
REPLAY_STEP = "replay_open_rejects"
ACCEPT_JOB = "accept_waiting"
ACCEPT_STEP = "publish_what_waits"
