"""A fake Fly.io on real sockets: GraphQL, Machines API, registry, and a program `fly`.

It is as strict as the public facts about the real one; each module names its sources. "Facts" are
the sections of the project's notes on Fly, taken from superfly/flyctl, superfly/fly-go and
superfly/docs.
"""

from tests.support.fly.stand_in import FlyStandIn, fly_stand_in
from tests.support.fly.world import App, Machine, Release, Request

__all__ = ["App", "FlyStandIn", "Machine", "Release", "Request", "fly_stand_in"]
