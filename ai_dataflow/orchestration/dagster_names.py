"""What Dagster calls our job and its step: runs are known by these names, old ones too."""

JOB = "ai_dataflow_job"
STEP = "ai_dataflow"
