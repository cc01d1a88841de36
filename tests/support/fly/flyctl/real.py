"""Run a real flyctl in place of our own program: `FLYCTL=/path make contract-fly`.

It talks to the fake Fly over sockets, and to nothing else. What the fake Fly does not have is
switched off: DNS records (flyctl asks 8.8.8.8 for them), and the services below.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.fly.flyctl.session import Session

VARIABLE = "FLYCTL"
NOWHERE = "http://127.0.0.1:9"
ISOLATION = {
    "FLY_METRICS_BASE_URL": NOWHERE,
    "FLY_SYNTHETICS_BASE_URL": NOWHERE,
    "FLY_SEND_METRICS": "0",
    "FLY_SYNTHETICS_AGENT": "0",
    "FLY_NO_UPDATE_CHECK": "1",
    "FLY_NO_INCIDENTS_CHECK": "1",
    "HTTPS_PROXY": NOWHERE,
    "NO_PROXY": "127.0.0.1,localhost",
}
"""Metrics, updates, incidents, feature flags: a real flyctl asks for them on the internet."""
WITHOUT_DNS = "--dns-checks=false"


def real_flyctl() -> str:
    """Return the path of the flyctl to run, or "" for our own program."""
    return os.environ.get(VARIABLE, "")


def become(session: Session, program: str) -> None:
    """Let the process of a session become a real flyctl."""
    command, *rest = session.argv or ("",)
    more = [WITHOUT_DNS] if command == "deploy" else []
    session.become([program, *filter(None, [command]), *more, *rest])
