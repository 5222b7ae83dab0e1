"""The tests; the folders mirror the package."""

import os

# Half of the processes that run tests compute in one thread, as most of the product's workers do,
# the others in as many as there are cores. It decides before Polars is imported.
if int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 2:
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
