"""A fake Fly.io on real sockets: GraphQL, Machines API, registry, and a program `fly`.

It is as strict as the public facts about the real one; each module names its sources. "Facts" are
the sections of the project's notes on Fly, taken from superfly/flyctl, superfly/fly-go and
superfly/docs.
"""

from tests.support.fly.server import FakeFly, fake_fly
from tests.support.fly.state import App, Machine, Release, Request

__all__ = ["App", "FakeFly", "Machine", "Release", "Request", "fake_fly"]
