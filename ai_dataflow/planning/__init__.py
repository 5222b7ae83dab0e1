"""From what users wrote to what a run does: jobs, held partitions, coverage. Pure."""
