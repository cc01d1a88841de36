"""Remove all that the driver `docker` runs: `python -m pipeline.edge.deploy.down`."""

from __future__ import annotations

import os

from pipeline.edge.deploy.docker import remove_all
from pipeline.edge.engine import connect

if __name__ == "__main__":
    with connect(os.environ) as client:
        remove_all(client)
