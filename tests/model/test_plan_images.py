"""Tables: what is built, copied or left, what must be queried first, which aliases move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.model.plan import to_ask
from pipeline.model.presence import Absent, Present
from pipeline.reference import ImageName
from tests.model.example import (
    ONE,
    PROJECT,
    SOURCE,
    TWO,
    alias,
    images,
    names,
    plans,
    presence,
    with_aliases,
)

if TYPE_CHECKING:
    from pipeline.model.presence import Presence

ALL = "os=present proxy=present lang=present api=present web=present"


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (ALL, "os=exists proxy=exists lang=exists api=exists web=exists"),
        (f"{ALL} os=absent", "os=build proxy=exists lang=exists api=exists web=exists"),
        (f"{ALL} web=absent", "os=exists proxy=exists lang=exists api=exists web=build"),
        (f"{ALL} web=hollow", "os=exists proxy=exists lang=exists api=exists web=build!"),
        (f"{ALL} web=elsewhere", "os=exists proxy=exists lang=exists api=exists web=copy"),
        (f"{ALL} proxy=absent", "os=exists proxy=exists lang=exists api=exists web=exists"),
        (
            "os=absent proxy=present lang=absent api=absent web=absent",
            "os=build proxy=exists lang=build api=build web=build",
        ),
    ],
)
def test_all_images(standing: str, expected: str) -> None:
    """Missing images are built, and nothing else."""
    assert images(plans(standing)) == expected


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ("web=present", "web=exists"),
        ("web=present lang=absent", "web=exists"),
        ("web=elsewhere", "web=copy"),
        ("web=absent lang=present", "lang=exists web=build"),
        ("web=absent lang=elsewhere", "lang=copy web=build"),
        ("web=absent lang=elsewhere os=absent", "lang=copy web=build"),
        ("web=absent lang=hollow os=present", "os=exists lang=build! web=build"),
        ("web=absent lang=absent os=present", "os=exists lang=build web=build"),
        ("web=absent lang=absent os=absent", "os=build lang=build web=build"),
        ("web=hollow lang=present os=absent", "lang=exists web=build!"),
        ("web=absent lang=present api=absent", "lang=exists web=build"),
    ],
)
def test_one_image_alone(standing: str, expected: str) -> None:
    """One image with the bases that it needs."""
    assert images(plans(standing, only="web")) == expected


@pytest.mark.parametrize(
    ("standing", "only", "expected"),
    [
        (ALL, "", "os=build! proxy=exists lang=build! api=build! web=build!"),
        ("lang=present", "web", "lang=exists web=build!"),
        ("lang=present web=present", "web", "lang=exists web=build!"),
        ("lang=present web=elsewhere", "web", "lang=exists web=build!"),
        ("os=present lang=absent", "web", "os=exists lang=build web=build!"),
        ("lang=present", "web api", "lang=exists api=build! web=build!"),
        ("os=present", "lang web", "os=exists lang=build! web=build!"),
        ("proxy=present", "proxy", "proxy=exists"),
    ],
)
def test_forced_images(standing: str, only: str, expected: str) -> None:
    """Forced images are built though they exist, but not their bases, nor public images."""
    assert images(plans(standing, only=only, force=True)) == expected


@pytest.mark.parametrize(
    ("standing", "force", "expected"),
    [
        ("web=present", False, ("web", "the registry has it")),
        ("web=present", True, ("web", "forced")),
        ("web=hollow", False, ("web", "a layer is missing")),
        ("web=elsewhere", False, ("web", "`ghcr.io/acme/other:1` has the same fingerprint")),
        ("web=absent", False, ("web", "the registry has no `registry.fly.io/web:{tag}`")),
    ],
)
def test_the_reason(standing: str, *, force: bool, expected: tuple[str, str]) -> None:
    """Each action has a reason."""
    made = plans(f"{standing} lang=present", only="web", force=force)
    web = made.images[-1]
    assert (web.name, web.reason) == (expected[0], expected[1].format(tag=web.fingerprint.short))


@pytest.mark.parametrize(
    ("standing", "digest", "source"),
    [
        ("web=present", ONE, None),
        ("web=elsewhere", ONE, SOURCE.at(ONE)),
        ("web=absent", None, None),
        ("web=hollow", None, None),
    ],
)
def test_the_digest_of_an_existing_image_is_known(
    standing: str, digest: object, source: object
) -> None:
    """The digest of an existing image is known, to pin a base and to compare apps."""
    web = plans(f"{standing} lang=present", only="web").images[-1]
    assert (web.digest, web.source) == (digest, source)


@pytest.mark.parametrize(
    ("known", "wanted", "force", "expected"),
    [
        ("", "os proxy lang api web", False, "os proxy lang api web"),
        ("", "web", False, "web"),
        ("web=present", "web", False, ""),
        ("web=elsewhere", "web", False, ""),
        ("web=absent", "web", False, "lang"),
        ("web=hollow", "web", False, "lang"),
        ("web=absent lang=present", "web", False, ""),
        ("web=absent lang=elsewhere", "web", False, ""),
        ("web=absent lang=absent", "web", False, "os"),
        ("web=absent lang=hollow", "web", False, "os"),
        ("web=absent lang=absent os=absent", "web", False, ""),
        ("web=absent", "web api", False, "lang api"),
        ("", "web", True, "lang"),
        ("lang=absent", "web", True, "os"),
        ("lang=present", "web", True, ""),
        ("", "lang web", True, "os"),
        ("", "os lang web", True, ""),
        ("", "os proxy lang api web", True, "proxy"),
    ],
)
def test_which_images_are_queried(known: str, wanted: str, *, force: bool, expected: str) -> None:
    """First the requested images, then the bases of missing ones; forced images are not queried."""
    found = to_ask(PROJECT, presence(known), names(wanted), force=force)
    assert found == names(expected)


WITH_ALIASES = with_aliases("latest", "stable")
HERE, ELSEWHERE, NOWHERE = Present(ONE), Present(TWO), Absent()


@pytest.mark.parametrize(
    ("standing", "latest", "stable", "moved"),
    [
        ("web=present", HERE, HERE, ""),
        ("web=present", ELSEWHERE, HERE, "latest"),
        ("web=present", HERE, NOWHERE, "stable"),
        ("web=present", NOWHERE, ELSEWHERE, "latest stable"),
        ("web=present", ELSEWHERE, None, "latest"),
        ("web=present", None, None, ""),
        ("web=elsewhere", HERE, ELSEWHERE, "stable"),
        ("web=absent", HERE, ELSEWHERE, "latest stable"),
        ("web=absent", None, None, "latest stable"),
        ("web=hollow", HERE, HERE, "latest stable"),
    ],
)
def test_aliases_that_move(
    standing: str, latest: Presence | None, stable: Presence | None, moved: str
) -> None:
    """Aliases of requested images move if they point to another digest."""
    found = {"latest": latest, "stable": stable}
    aliases = {alias(WITH_ALIASES, tag): given for tag, given in found.items() if given}
    made = plans(f"{standing} lang=present", project=WITH_ALIASES, only="web", aliases=aliases)
    assert " ".join(str(reference.tag) for reference in made.images[-1].move) == moved
    assert made.empty is (not moved)


@pytest.mark.parametrize(("running", "moved"), [("newer", 0), ("went-back", 0), ("older", 1)])
def test_aliases_of_an_image_whose_app_is_held_stay(running: str, moved: int) -> None:
    """The aliases of an image whose app is held stay on the newer image."""
    project = with_aliases("latest")
    aliases = {alias(project, "latest"): ELSEWHERE}
    made = plans(
        "web=present", project=project, only="web", running=f"web-1={running}", aliases=aliases
    )
    (web,) = made.images
    assert (web.name, len(web.move)) == (ImageName("web"), moved)


@pytest.mark.parametrize(
    ("standing", "running", "empty"),
    [
        ("web=present", "", True),
        ("web=present", "web-1=this", True),
        ("web=present", "web-1=newer", True),
        ("web=present", "web-1=another", False),
        ("web=elsewhere", "", False),
        ("web=absent lang=present", "", False),
    ],
)
def test_a_plan_with_nothing_to_do(standing: str, running: str, *, empty: bool) -> None:
    """When `plan --exit-code` returns 0; a held app is nothing to do."""
    assert plans(standing, only="web", running=running).empty is empty
