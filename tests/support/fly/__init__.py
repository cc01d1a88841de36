"""A stand-in for Fly.io over real sockets: GraphQL, Machines API, registry, and a `fly` to run.

As strict as the facts that are public; each module names its source. "Facts" are the sections of
the project's notes on Fly, gathered from superfly/flyctl, superfly/fly-go and superfly/docs.
"""

from tests.support.fly.stand_in import FlyStandIn, fly_stand_in
from tests.support.fly.world import App, Machine, Release, Request

__all__ = ["App", "FlyStandIn", "Machine", "Release", "Request", "fly_stand_in"]
