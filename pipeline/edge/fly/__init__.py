"""Fly: its Machines API and GraphQL over HTTP, and flyctl, which deploys.

Import it where it is needed and not before: it brings httpcore, which takes 90 ms.
"""

from pipeline.edge.fly.api import FlyApi
from pipeline.edge.fly.asking import app_of, apps_of_org, machines_of, releases_of, write_stamp
from pipeline.edge.fly.errors import FlyError, NoAppError
from pipeline.edge.fly.values import FlyRelease, Machine, release_before

__all__ = [
    "FlyApi",
    "FlyError",
    "FlyRelease",
    "Machine",
    "NoAppError",
    "app_of",
    "apps_of_org",
    "machines_of",
    "release_before",
    "releases_of",
    "write_stamp",
]
