"""What is put under tags for a later run, and what that run makes of it: a real registry.

Images are pushed here as BuildKit would push them; nothing is built.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from msgspec.structs import replace

from pipeline import inspect, load, plan
from pipeline.buildkit.outcome import Built, Cancelled
from pipeline.model.events import Notice
from pipeline.model.report import ImageStatus
from pipeline.reference import ImageName, Tag
from pipeline.registry.client import Registry as Client
from pipeline.registry.errors import AbsentError
from pipeline.runner.publish import Pushed
from pipeline.runner.reuse import Reuse
from pipeline.runner.tools import Tools
from tests.support.incomplete_images import delete
from tests.support.intercept import intercept
from tests.support.scripted_server import Reply
from tests.support.small_images import INDEX, MANIFEST, OCI, push_blob, push_manifest
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pipeline.buildkit.outcome import Outcome
    from pipeline.model.actions import ImageAction
    from pipeline.model.events import Event
    from pipeline.model.plan import Plan
    from pipeline.reference import Reference
    from pipeline.registry.manifest import Manifest
    from tests.support.registries import Registry
    from tests.support.scripted_server import Request

OS, LANG, WEB, TAKES = map(ImageName, ("os", "lang", "web", "takes"))
LEVELS = (OS, LANG, WEB)
FILES = {
    "images/os/Dockerfile": "FROM scratch\nCOPY os.txt /\n",
    "images/os/os.txt": "os",
    "images/lang/Dockerfile": "FROM os\nCOPY lang.txt /\n",
    "images/lang/lang.txt": "lang",
    "images/web/Dockerfile": "FROM lang AS first\nFROM first\nCOPY web.txt /\n",
    "images/web/web.txt": "web",
    "images/takes/Dockerfile": "FROM scratch\nCOPY --from=os /os.txt /\n",
}
COMMENT = {"images/os/Dockerfile": "# why\nFROM scratch\nCOPY os.txt /\n"}
LAYERS = {OS: ["os"], LANG: ["os", "lang"], WEB: ["os", "lang", "web"], TAKES: ["taken"]}


@dataclass
class World:
    """A project and its registry; `notices` are what a run said, of all runs."""

    root: Path
    address: str
    client: Client
    made: int = 0
    notices: list[str] = field(default_factory=list)

    def report(self, event: Event, /) -> None:
        """Keep what a person reads."""
        if isinstance(event, Notice):
            self.notices.append(event.text)

    def plan(self, changed: Mapping[str, str] | None = None, *, deep: bool = False) -> Plan:
        """Change files and plan."""
        settings = f'[registry]\nhost = "{self.address}"\nrecords = false\n'
        write_tree(self.root, {"pipeline.toml": settings, **FILES, **(changed or {})})
        loaded = load(self.root, environ={})
        state = inspect(loaded, deep=deep, registry=self.client, report=self.report, environ={})
        return plan(loaded, state)

    def push(
        self, action: ImageAction, layers: Sequence[str], config: Mapping[str, Any] | None = None
    ) -> Manifest:
        """Push an image to a staging tag of its own, as a solve does; each has another time."""
        self.made += 1
        repository = f"{self.address}/{action.name}"
        document = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["A=1"]},
            "created": f"2026-11-29T05:00:{self.made:02}Z",
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}" for layer in layers]},
            **(config or {}),
        }
        blob = push_blob(repository, json.dumps(document).encode(), f"{OCI}.config.v1+json")
        parts = [push_blob(repository, one.encode(), f"{OCI}.layer.v1.tar") for one in layers]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": blob, "layers": parts}
        push_manifest(repository, f"staging-{self.made}", manifest)
        return self.client.manifest(replace(action.reference, tag=Tag(f"staging-{self.made}")))

    def index(self, action: ImageAction, inner: Mapping[str, Manifest]) -> Manifest:
        """Push an index of images that are there, by their architectures."""
        self.made += 1
        manifests = [
            {
                "mediaType": MANIFEST,
                "digest": one.digest,
                "size": len(one.content),
                "platform": {"os": "linux", "architecture": architecture},
            }
            for architecture, one in inner.items()
        ]
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
        push_manifest(f"{self.address}/{action.name}", f"staging-{self.made}", document)
        return self.client.manifest(replace(action.reference, tag=Tag(f"staging-{self.made}")))

    def start(self, made: Plan) -> Run:
        """Begin to run a plan."""
        tools = Tools(self.client, lambda _: None, {}, self.report, threading.Event())
        return Run(made, Reuse(made, tools), tools)

    def has(self, reference: Reference) -> str:
        """Return the digest under a tag; empty if there is none."""
        try:
            return self.client.manifest(reference).digest
        except AbsentError:
            return ""

    def tags(self) -> list[str]:
        """Return the endings of the tags of the image `web` and its bases, sorted."""
        found = []
        for name in (*LEVELS, TAKES):
            answer = httpx.get(f"http://{self.address}/v2/{name}/tags/list")
            tags = answer.json().get("tags") or [] if answer.status_code == 200 else []
            found += [
                f"{name}{ending}"
                for tag in tags
                for ending in (".own", ".reuse")
                if tag.endswith(ending)
            ]
        return sorted(found)


@dataclass
class Run:
    """A run under way."""

    plan: Plan
    reuse: Reuse
    tools: Tools

    def action(self, name: ImageName) -> ImageAction:
        """Return the action for an image."""
        return next(action for action in self.plan.images if action.name == name)

    def end(self, name: ImageName, manifest: Manifest) -> None:
        """Publish what a solve made, and record it."""
        action = self.action(name)
        self.tools.registry.put(action.reference, manifest)
        self.tools.end_image(action, ImageStatus.BUILT, "", manifest.digest)

    def exists(self, name: ImageName) -> None:
        """Record that an image was there before this run."""
        action = self.action(name)
        self.tools.end_image(action, ImageStatus.EXISTS, action.reason, action.digest)

    def settle(self) -> dict[str, str]:
        """Reuse what can be reused; return the status of each image that has one."""
        done = self.tools.results.images
        self.reuse.settle([action for action in self.plan.images if action.name not in done])
        return {name: one.status.value for name, one in done.items()}


@pytest.fixture
def world(tmp_path: Path, registry: Registry) -> Iterator[World]:
    """Make the project; the registry is empty."""
    with Client() as client:
        yield World(tmp_path / "project", registry.address, client)


def build_all(
    world: World,
    names: Sequence[ImageName] = (*LEVELS, TAKES),
    *,
    outcome: Callable[[ImageName, Outcome], Outcome] = lambda _, one: one,
    layers: Mapping[ImageName, list[str]] = LAYERS,
) -> dict[ImageName, Manifest]:
    """Run as if one solve had built all; `outcome` changes how it ended for an image."""
    under_way = world.start(world.plan())
    made = {name: world.push(under_way.action(name), layers[name]) for name in names}
    for name in names:
        under_way.end(name, made[name])
    batch = [under_way.action(name) for name in names]
    outcomes = {name: outcome(name, Built(made[name].digest)) for name in names}
    pushed = [Pushed(under_way.action(name), made[name]) for name in names]
    under_way.reuse.record(batch, outcomes, pushed)
    return made


ALL_TAGS = [f"{name}.{ending}" for name in ("lang", "takes", "web") for ending in ("own", "reuse")]


def test_a_base_that_contains_the_same(world: World) -> None:
    """Level by level, under the new tags, and nothing is said."""
    made = build_all(world)
    assert world.tags() == ALL_TAGS

    second = world.start(world.plan(COMMENT))
    assert {a.name for a in second.plan.images if a.reusable} == {LANG, WEB, TAKES}
    assert second.settle() == {}
    second.end(OS, world.push(second.action(OS), LAYERS[OS]))

    assert second.settle() == {"os": "built", "lang": "copied", "web": "copied", "takes": "copied"}
    for name in (LANG, WEB, TAKES):
        assert world.has(second.action(name).reference) == made[name].digest
        assert second.tools.results.images[name].digest == made[name].digest
    assert world.notices == []
    assert not second.reuse.waiting


@pytest.mark.parametrize(
    ("layers", "config"),
    [
        (["os"], {"config": {"Env": ["A=2"]}}),
        (["os"], {"config": {"Env": ["A=1"], "OnBuild": ["COPY . /"]}}),
        (["os"], {"config": {"Env": ["A=1"]}, "variant": "v2"}),
        (["os"], {"history": [{"created": "2026", "created_by": "RUN secret"}]}),
        (["so"], {}),
        (["os", "more"], {}),
    ],
    ids=str,
)
def test_a_base_that_contains_something_else(
    world: World, layers: list[str], config: dict[str, Any]
) -> None:
    """All that stands on it is built, in one solve: nothing waits any longer."""
    build_all(world)
    second = world.start(world.plan(COMMENT))
    second.end(OS, world.push(second.action(OS), layers, config))

    assert second.settle() == {"os": "built"}
    assert not second.reuse.waiting
    assert world.notices == []


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["os"], {"os": "exists", "lang": "copied", "web": "copied", "takes": "copied"}),
        (["so"], {"os": "exists"}),
    ],
    ids=str,
)
def test_a_base_that_an_earlier_run_has_built(
    world: World, layers: list[str], expected: dict[str, str]
) -> None:
    """A run for the base alone, or one that was interrupted: nothing waits for a solve."""
    made = build_all(world)
    base = world.plan(COMMENT).images[0]
    world.client.put(base.reference, world.push(base, layers))

    second = world.start(world.plan(COMMENT))
    assert [str(a.action) for a in second.plan.images] == ["exists", "build", "build", "build"]
    second.exists(OS)

    assert second.settle() == expected
    assert not second.reuse.waiting
    for name in expected.keys() - {"os"}:
        reference = second.action(ImageName(name)).reference
        assert world.has(reference) == made[ImageName(name)].digest


def test_an_image_that_the_registry_has_lost(world: World) -> None:
    """Its tag is gone, and its reuse key is there: it is what a build of these inputs made."""
    made = build_all(world)
    lost = next(action for action in world.plan().images if action.name == TAKES)
    other = world.push(lost, ["another"])
    world.client.put(lost.reference, other)
    # This registry deletes a manifest with all its tags, and no tag alone.
    delete(str(lost.reference.repository), f"manifests/{other.digest}")

    second = world.start(world.plan())
    for name in LEVELS:
        second.exists(name)

    assert second.settle()["takes"] == "copied"
    assert world.has(lost.reference) == made[TAKES].digest


def test_own_files_that_changed_too(world: World) -> None:
    """The image was never built with these: it is built with its base, and nothing waits for it."""
    build_all(world)

    second = world.plan({**COMMENT, "images/lang/lang.txt": "another"})

    assert {action.name for action in second.images if action.reusable} == {WEB, TAKES}


def test_the_same_base_again(world: World) -> None:
    """A change that is taken back: the image of before is found, and not the newer one."""
    first = build_all(world)
    changed = {"images/os/os.txt": "so"}
    second = world.start(world.plan(changed))
    second.end(OS, world.push(second.action(OS), ["so"]))
    assert second.settle() == {"os": "built"}
    for name, layers in ((LANG, ["so", "lang"]), (WEB, ["so", "lang", "web"]), (TAKES, ["t2"])):
        made = world.push(second.action(name), layers)
        second.end(name, made)
        batch = [second.action(name)]
        second.reuse.record(batch, {name: Built(made.digest)}, [Pushed(batch[0], made)])

    third = world.start(world.plan(COMMENT))
    third.end(OS, world.push(third.action(OS), ["os"]))

    assert set(third.settle().values()) == {"built", "copied"}
    assert world.has(third.action(WEB).reference) == first[WEB].digest


def _is(name: ImageName, other: Outcome) -> Callable[[ImageName, Outcome], Outcome]:
    return lambda one, outcome: other if one == name else outcome


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (_is(WEB, Cancelled(written=True)), ["lang", "takes"]),
        (_is(LANG, Cancelled(written=True)), ["takes"]),
        (_is(OS, Cancelled(written=True)), ["web"]),
        (_is(OS, Built(None)), ["web"]),
        (_is(WEB, Built(None)), ["lang", "takes"]),
    ],
)
def test_only_what_one_attempt_has_made_is_put(
    world: World, outcome: Callable[[ImageName, Outcome], Outcome], expected: list[str]
) -> None:
    """An earlier attempt may have pushed an image on another version of its base."""
    build_all(world, outcome=outcome)

    assert world.tags() == [f"{n}.{ending}" for n in expected for ending in ("own", "reuse")]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ({LANG: ["other", "lang"]}, ["takes", "web"]),
        ({LANG: ["lang"]}, ["takes", "web"]),
        ({WEB: ["os", "other", "web"]}, ["lang", "takes"]),
        ({TAKES: ["anything"]}, ["lang", "takes", "web"]),
    ],
    ids=str,
)
def test_an_image_must_begin_with_the_layers_of_its_base(
    world: World, layers: dict[ImageName, list[str]], expected: list[str]
) -> None:
    """A builder that dropped a layer has made two versions of the base."""
    every = {**LAYERS, **layers}
    if LANG in layers:
        every[WEB] = [*layers[LANG], "web"]
    build_all(world, layers=every)

    assert world.tags() == [f"{n}.{ending}" for n in expected for ending in ("own", "reuse")]
    said = [notice for notice in world.notices if "does not begin with the layers" in notice]
    assert len(said) == (1 if len(expected) < 3 else 0)


def test_an_image_of_another_run_is_not_ours(world: World) -> None:
    """It was published first, and stands on the base of that run."""
    under_way = world.start(world.plan())
    made = {name: world.push(under_way.action(name), LAYERS[name]) for name in LEVELS}
    theirs = world.push(under_way.action(WEB), ["theirs", "lang", "web"])
    for name in (OS, LANG):
        under_way.end(name, made[name])
    under_way.end(WEB, theirs)
    batch = [under_way.action(name) for name in LEVELS]
    outcomes = {name: Built(made[name].digest) for name in LEVELS}
    under_way.reuse.record(batch, outcomes, [Pushed(a, made[a.name]) for a in batch])

    assert world.tags() == ["lang.own", "lang.reuse"]


def test_the_base_of_the_solve_counts_and_not_the_one_that_was_published(world: World) -> None:
    """Another run published its base first; ours is under no tag, and what we built stands on it.

    So a later base that contains the same as the published one is another one.
    """
    under_way = world.start(world.plan())
    made = {name: world.push(under_way.action(name), LAYERS[name]) for name in LEVELS}
    theirs = world.push(under_way.action(OS), ["theirs"])
    under_way.end(OS, theirs)
    for name in (LANG, WEB):
        under_way.end(name, made[name])
    batch = [under_way.action(name) for name in LEVELS]
    outcomes = {name: Built(made[name].digest) for name in LEVELS}
    under_way.reuse.record(batch, outcomes, [Pushed(a, made[a.name]) for a in batch])
    assert "lang.reuse" in world.tags()

    for layers, expected in ((["theirs"], {"built"}), (["os"], {"built", "copied"})):
        later = world.start(world.plan({**COMMENT, "images/os/image.toml": f'salt = "{layers}"\n'}))
        later.end(OS, world.push(later.action(OS), layers))
        assert set(later.settle().values()) == expected


def test_what_was_read_beside_the_inputs_is_not_found_again(world: World) -> None:
    """Nobody knows whether a build would read the same now."""
    under_way = world.start(world.plan())
    made = {name: world.push(under_way.action(name), LAYERS[name]) for name in LEVELS}
    for name in LEVELS:
        under_way.end(name, made[name])
    results = under_way.tools.results.images
    results[WEB] = replace(results[WEB], unaccounted=("https://example.com/a",))
    batch = [under_way.action(name) for name in LEVELS]
    outcomes = {name: Built(made[name].digest) for name in LEVELS}
    under_way.reuse.record(batch, outcomes, [Pushed(a, made[a.name]) for a in batch])

    assert world.tags() == ["lang.own", "lang.reuse"]


def test_a_base_that_cannot_be_read(world: World) -> None:
    """It is said once, and all of it is built."""
    build_all(world)
    second = world.start(world.plan(COMMENT))
    second.end(OS, world.push(second.action(OS), ["os"], {"rootfs": None}))

    assert second.settle() == {"os": "built"}
    assert not second.reuse.waiting


def test_an_index_is_another_image_than_a_manifest(world: World) -> None:
    """Though its only platform is the same."""
    build_all(world)
    second = world.start(world.plan(COMMENT))
    inner = world.push(second.action(OS), LAYERS[OS])
    index = world.index(second.action(OS), {"amd64": inner})
    second.end(OS, index)

    assert second.settle() == {"os": "built"}


@pytest.mark.parametrize(
    ("arm", "expected"), [(["os-arm"], "copied"), (["other"], ""), (["os"], "")]
)
def test_every_platform_must_contain_the_same(world: World, arm: list[str], expected: str) -> None:
    """One that differs makes another base; platforms that change places, too."""

    def both(under_way: Run, name: ImageName, amd64: list[str], arm64: list[str]) -> Manifest:
        action = under_way.action(name)
        inner = {
            "amd64": world.push(action, amd64),
            "arm64": world.push(action, arm64, {"architecture": "arm64"}),
        }
        return world.index(action, inner)

    first = world.start(world.plan())
    made = {
        OS: both(first, OS, ["os"], ["os-arm"]),
        LANG: both(first, LANG, ["os", "lang"], ["os-arm", "lang"]),
    }
    for name, manifest in made.items():
        first.end(name, manifest)
    batch = [first.action(name) for name in made]
    outcomes = {name: Built(manifest.digest) for name, manifest in made.items()}
    first.reuse.record(batch, outcomes, [Pushed(a, made[a.name]) for a in batch])
    assert world.tags() == ["lang.own", "lang.reuse"]

    second = world.start(world.plan(COMMENT))
    second.end(OS, both(second, OS, ["os"], arm))

    assert second.settle().get("lang", "") == expected


@pytest.mark.parametrize("ending", [".own", ".reuse"])
def test_a_registry_that_does_not_answer_costs_a_build(
    tmp_path: Path, registry: Registry, ending: str
) -> None:
    """And a notice; it is never taken for a yes."""

    def refuse(request: Request) -> Reply | None:
        asked = request.method in {"GET", "HEAD"} and request.path.endswith(ending)
        return Reply(403, {}, b"") if asked and refusing else None

    refusing: list[int] = []
    with intercept(registry.address, refuse) as front, Client() as client:
        world = World(tmp_path / "project", front.address, client)
        world.notices.clear()
        build_all(world)
        refusing.append(1)
        second = world.start(world.plan(COMMENT))
        second.end(OS, world.push(second.action(OS), LAYERS[OS]))

        assert second.settle() == {"os": "built"}
    assert any("built, and not looked for" in notice for notice in world.notices)
    assert not second.reuse.waiting


def test_a_registry_that_takes_no_more_tags_costs_a_notice(
    tmp_path: Path, registry: Registry
) -> None:
    """One for all images, and the run goes on."""

    def refuse(request: Request) -> Reply | None:
        put = request.method == "PUT" and request.path.endswith((".own", ".reuse"))
        return Reply(403, {}, b"") if put else None

    with intercept(registry.address, refuse) as front, Client() as client:
        world = World(tmp_path / "project", front.address, client)
        build_all(world)

        assert world.tags() == []
    assert any("a later run cannot reuse it" in notice for notice in world.notices)


def test_a_deep_look_at_what_is_reused(world: World, registry: Registry) -> None:
    """An image that lacks a layer is built, as one that exists would be."""

    def lose(request: Request) -> Reply | None:
        lost = "/web/blobs/" in request.path and request.method in {"GET", "HEAD"}
        return Reply(404, {"Docker-Distribution-Api-Version": "registry/2.0"}) if lost else None

    build_all(world)
    with intercept(registry.address, lose) as front, Client() as client:
        world.address, world.client = front.address, client
        second = world.start(world.plan(COMMENT, deep=True))
        second.end(OS, world.push(second.action(OS), LAYERS[OS]))

        assert second.settle() == {"os": "built", "lang": "copied", "takes": "copied"}


def test_another_run_was_quicker(world: World) -> None:
    """The tag is what that run put there, for this one as well."""
    build_all(world)
    second = world.start(world.plan(COMMENT))
    second.end(OS, world.push(second.action(OS), LAYERS[OS]))
    theirs = world.push(second.action(LANG), ["os", "lang"])
    world.client.put(second.action(LANG).reference, theirs)

    assert second.settle()["lang"] == "copied"
    assert second.tools.results.images[LANG].digest == theirs.digest
    assert world.has(second.action(LANG).reference) == theirs.digest


def test_an_interrupted_run_asks_nothing_more(world: World) -> None:
    """What waits is left as it is."""
    build_all(world)
    second = world.start(world.plan(COMMENT))
    second.end(OS, world.push(second.action(OS), LAYERS[OS]))
    second.tools.stop.set()
    before = world.client.requests

    assert second.settle() == {"os": "built"}
    assert world.client.requests == before


def test_how_many_requests_it_takes(world: World) -> None:
    """One for each image that is missing with its base; and nothing if all is there."""
    first = world.client.requests
    world.plan()
    cold = world.client.requests - first
    build_all(world)
    before = world.client.requests
    world.plan()

    assert cold == len((*LEVELS, TAKES)) + len((LANG, WEB, TAKES))
    assert world.client.requests - before == len((*LEVELS, TAKES))
