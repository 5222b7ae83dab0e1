"""Runs stopped and killed at each call on the workstation, others in between. See `encounters`."""
