"""Start a fake Fly, and control it from a test."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.registry import serve
from tests.support.fly import graphql_api
from tests.support.fly.flyctl.executable import write_executables
from tests.support.fly.flyctl.real import real_flyctl
from tests.support.fly.flyctl.run import Flyctl
from tests.support.fly.flyctl.session import serve_programs
from tests.support.fly.http_server import Answer, serve_http
from tests.support.fly.images import Images
from tests.support.fly.machines_api import MachinesApi
from tests.support.fly.put_image import put_image
from tests.support.fly.rate_limits import RateLimits
from tests.support.fly.reference import parse
from tests.support.fly.registry import FlyRegistry
from tests.support.fly.rest_api import RestApi
from tests.support.fly.state import App, Knobs, Request, Unhealthy, World, unique
from tests.support.fly.tokens import Tokens
from tests.support.secured_registry import create_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.fly.http_server import Exchange, HttpRequest

    Api = Callable[[HttpRequest], Answer]

SURFACES = ("machines", "graphql", "rest", "registry")


@dataclass(frozen=True, slots=True)
class FakeFly:
    """A running fake Fly: `registry` is `127.0.0.1:PORT`, `api` a URL, `storage` the real registry.

    `knobs` may be changed at any time; the methods below change the usual ones.
    """

    registry: str
    api: str
    storage: str
    environ: dict[str, str]
    world: World
    tokens: Tokens
    images: Images
    limits: RateLimits

    @property
    def knobs(self) -> Knobs:
        """Return the settings that change its behaviour."""
        return self.world.knobs

    @property
    def apps(self) -> dict[str, App]:
        """Return all apps by name."""
        return self.world.apps

    @property
    def requests(self) -> list[Request]:
        """Return all recorded requests, in the order of the responses."""
        return list(self.world.requests)

    def requests_to(self, surface: str, part: str = "") -> list[Request]:
        """Return the requests to one surface whose path contains `part`."""
        return [one for one in self.requests if one.surface == surface and part in one.path]

    def create_app(self, name: str, org: str = "acme") -> App:
        """Create an app, which its registry knows at once."""
        app = self.world.create_app(name, org)
        app.created = float("-inf")
        return app

    def org_token(self, org: str = "acme", *, seconds: float = float("inf")) -> str:
        """Create a token `FlyV1 fm2_…` for all apps of an organization."""
        return self.tokens.give(org, seconds=seconds)

    def app_token(self, app: str) -> str:
        """Create a deploy token, which is for one app."""
        return self.tokens.give(self.apps[app].org, app)

    def expired_token(self, org: str = "acme") -> str:
        """Create a token that has expired."""
        return self.tokens.give(org, seconds=-1)

    def readonly_token(self, org: str = "acme") -> str:
        """Create a read-only token."""
        return self.tokens.give(org, readonly=True)

    def make_unhealthy(
        self, app: str = "", region: str = "", machine: str = "", image: str = ""
    ) -> None:
        """Never let machines get healthy: those of an app, a region, an id, or with an image."""
        self.knobs.unhealthy.append(Unhealthy(app, region, machine, image))

    def heal(self) -> None:
        """Let all machines get healthy."""
        self.knobs.unhealthy.clear()

    def down(self, *surfaces: str, how: str = "503") -> None:
        """Switch off all surfaces, or some of `machines`, `graphql`, `rest`, `registry`."""
        assert how in ("503", "drop"), how
        assert set(surfaces) <= set(SURFACES), surfaces
        self.knobs.down.update(dict.fromkeys(surfaces or SURFACES, how))

    def up(self) -> None:
        """Switch all surfaces on."""
        self.knobs.down.clear()

    def push(self, app: str, tag: str, content: str = "") -> str:
        """Put an image into an app's repository without a build; return its reference.

        It counts as pushed, but is not in the list of requests.
        """
        digest = put_image(self.storage, app, tag, content or f"{app} {tag}")
        self.images.record_push(app, tag, digest)
        return f"{self.registry}/{app}:{tag}"

    def prune(self, reference: str) -> None:
        """Remove an image from the registry, as Fly removes those that no machine uses."""
        ref = parse(reference)
        digest = ref.digest or self.images.tags[ref.repository, ref.tag]
        self.images.pruned.add((ref.repository, digest))

    def publish(self, reference: str) -> str:
        """Create a public image, such as `flyio/hellofly:latest`; return its digest."""
        ref = parse(reference)
        name = f"{ref.registry}/{ref.repository}:{ref.tag}"
        digest = "sha256:" + (unique(name) + unique(name, 1) + unique(name, 2))[:64]
        self.images.public[name] = digest
        return digest


@contextmanager
def fake_fly(
    folder: Path, *, org: str = "acme", tls: bool = False, **knobs: Any
) -> Iterator[FakeFly]:
    """Serve a fake Fly on loopback during the block, with its files in `folder`.

    `environ` is the environment of a process that uses it: addresses, an org token, and `fly` first
    on PATH. With `tls` the API and the registry use TLS, with the certificate authority in
    SSL_CERT_FILE. `knobs` are fields of `Knobs`.

    >>> with fake_fly(tmp_path / "fly", propagation_seconds=2) as fly:
    ...     fly.create_app("acme-web")
    ...     project.invoke("deploy-all", environ=fly.environ)
    ...     assert fly.apps["acme-web"].machines[0].digest == …
    """
    folder.mkdir(parents=True, exist_ok=True)
    world = World(Knobs(**knobs), orgs=[org])
    tokens, limits = Tokens(), RateLimits(world.knobs)
    certificate = create_certificate(folder) if tls else None
    with ExitStack() as stack:
        storage = stack.enter_context(serve(folder / "registry")).address
        images = Images(world, "", storage)
        front = FlyRegistry(world, tokens, images, storage)
        images.address = stack.enter_context(serve_http(front.handle, certificate))
        apis: dict[str, Api] = {
            "machines": MachinesApi(world, tokens, images, limits).answer,
            "graphql": graphql_api.GraphQlApi(world, tokens, images, graphql_api.schema()).answer,
            "rest": RestApi(world, tokens, images).answer,
        }
        address = stack.enter_context(serve_http(partial(_answer, world, apis), certificate))
        api = f"{'https' if tls else 'http'}://{address}"
        flyctl = Flyctl(world, tokens, images, api, real_flyctl())
        programs = write_executables(
            folder / "bin", stack.enter_context(serve_programs(flyctl.run))
        )
        environ = {
            "FLY_API_BASE_URL": api,
            "FLY_FLAPS_BASE_URL": api,
            "FLY_UIEX_BASE_URL": api,
            "FLY_REGISTRY_HOST": images.address,
            "FLY_API_TOKEN": tokens.give(org),
            "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
            **({"SSL_CERT_FILE": str(certificate.ca)} if certificate else {}),
        }
        yield FakeFly(images.address, api, storage, environ, world, tokens, images, limits)


def _answer(world: World, apis: dict[str, Api], exchange: Exchange) -> None:
    asked = exchange.read_request()
    surface = _surface(asked.segments)
    path = graphql_api.operation(asked.body) if surface == "graphql" else asked.target
    time.sleep(world.knobs.latency)
    down = world.knobs.down.get(surface)
    if down:
        answer = Answer(0 if down == "drop" else 503, {"error": "service unavailable"})
    else:
        answer = apis[surface](asked)
    body = asked.body if surface == "machines" else b""
    # A real flyctl's are kept apart: our own program makes no requests.
    by = "flyctl-" if asked.headers.get("user-agent", "").startswith("flyctl") else ""
    world.requests.append(Request(by + surface, asked.method, path, answer.status, body=body))
    if answer.status:
        exchange.send(answer)
    else:
        exchange.drop()


def _surface(segments: tuple[str, ...]) -> str:
    if segments == ("graphql",):
        return "graphql"
    return "machines" if segments[0] == "v1" else "rest"
