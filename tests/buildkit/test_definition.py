"""The definition for `docker buildx bake`."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.buildkit.definition import GROUP, Output, Target, clashes, definition, target_name
from pipeline.dockerfile import context_key, parse
from pipeline.errors import ConfigError, Location
from pipeline.model.image import Base, External
from pipeline.model.refresh import refresh
from pipeline.model.settings import BuildSettings
from pipeline.reference import Digest, ImageName, Platform, parse_reference
from tests.buildkit.example import image, target, targets

SHA = Digest("sha256:" + "0" * 64)


def definition_of(made: Target, settings: BuildSettings | None = None) -> Any:
    """Return the definition of one target."""
    wrote = definition([made], settings or BuildSettings())
    fields: Any = wrote["target"]
    return fields[target_name(made.image.name)]


def test_every_target_is_listed() -> None:
    """A base that is only linked to would not be pushed."""
    wrote: Any = definition(targets("base", "web"), BuildSettings())

    assert wrote["group"] == {GROUP: {"targets": ["base", "web"]}}


def test_a_target_in_full() -> None:
    """All build settings of an image appear under bake's names."""
    made = replace(
        image("web", "FROM base\n", ("base",)),
        target="run",
        args={"V": "1"},
        secrets=("id=token,env=TOKEN,required=false",),
        ssh=("default",),
        platforms=(Platform("linux", "amd64"), Platform("linux", "arm64")),
    )
    settings = BuildSettings(
        cache_from=("type=registry,ref=r/{name}:cache",), cache_to=("type=inline",), network="host"
    )

    given = replace(target(made), secrets=("id=token,env=TOKEN",))

    assert definition_of(given, settings) == {
        "context": "./images/web",
        "dockerfile": "Dockerfile",
        "contexts": {"base": "target:base"},
        "target": "run",
        "args": {"V": "1"},
        "platforms": ["linux/amd64", "linux/arm64"],
        "secret": ["id=token,env=TOKEN"],
        "ssh": ["default"],
        "cache-from": ["type=registry,ref=r/web:cache"],
        "cache-to": ["type=inline"],
        "network": "host",
        "attest": ["type=provenance,disabled=true"],
        "tags": ["127.0.0.1:5000/web:1"],
        "output": ["type=image,push=true,oci-mediatypes=true"],
    }


def test_an_image_with_a_period_is_built_without_the_cache() -> None:
    """It alone: its bases and dependents keep theirs."""
    weekly = refresh("7d", ImageName("broken"), 1_795_000_000)
    made = targets("base", "broken", "late")
    broken = replace(made[1], image=replace(made[1].image, refresh=weekly))

    wrote: Any = definition([made[0], broken, made[2]], BuildSettings())

    without = {name: fields.get("no-cache") for name, fields in wrote["target"].items()}
    assert without == {"base": None, "broken": True, "late": None}


@pytest.mark.parametrize(
    ("args", "declared", "expected"),
    [
        ({}, {}, {"Http_Proxy": "http://p:1"}),
        ({}, {"HTTP_PROXY": None}, {"Http_Proxy": "http://p:1"}),
        ({}, {"Http_Proxy": None}, {"hTTP_pROXY": "http://p:1"}),
        ({"http_proxy": ""}, {}, {"http_proxy": ""}),
        ({"HTTP_PROXY": "x"}, {"HTTP_PROXY": "x"}, {"HTTP_PROXY": "x"}),
    ],
)
def test_the_machines_proxy_is_no_visible_argument(
    args: dict[str, str], declared: dict[str, str | None], expected: dict[str, str]
) -> None:
    """The machine's proxy is no visible argument; one from the settings is, with a fingerprint."""
    made = target(replace(image("web"), args=args, declared=declared))

    assert definition_of(replace(made, proxies={"HTTP_PROXY": "http://p:1"}))["args"] == expected


def test_a_dockerfile_outside_of_its_context() -> None:
    """Bake resolves the Dockerfile from the context, which may be another folder."""
    made = replace(image("web"), context=PurePosixPath("src/web"))

    assert definition_of(target(made))["dockerfile"] == "../../images/web/Dockerfile"


def test_the_root_as_context() -> None:
    """The context may be the project's root."""
    fields = definition_of(target(replace(image("web"), context=PurePosixPath())))

    assert (fields["context"], fields["dockerfile"]) == (".", "images/web/Dockerfile")


def test_an_existing_base_is_pinned() -> None:
    """An existing base is passed by digest, under its name in the Dockerfile."""
    made = image("web", "FROM base\n", ("base",))
    pinned = parse_reference(f"127.0.0.1:5000/base@{SHA}")
    web = replace(target(made), bases={ImageName("base"): pinned})

    assert definition_of(web)["contexts"] == {"base": f"docker-image://127.0.0.1:5000/base@{SHA}"}


def test_a_locked_external_is_pinned() -> None:
    """The build uses the digest that is in the fingerprint."""
    external = External("debian:12", parse_reference("debian:12"), Location("x"), SHA)
    made = replace(image("web"), externals=(external,))

    assert definition_of(target(made))["contexts"] == {
        "debian:12": f"docker-image://docker.io/library/debian:12@{SHA}"
    }


def test_a_loaded_image_is_not_pushed() -> None:
    """An image with a test is loaded into the engine first."""
    assert definition_of(target(image("web"), output=Output.LOAD))["output"] == ["type=docker"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (BuildSettings(provenance="false"), ["type=provenance,disabled=true"]),
        (BuildSettings(provenance="true"), ["type=provenance,mode=min"]),
        (BuildSettings(provenance="mode=max"), ["type=provenance,mode=max"]),
        (BuildSettings(sbom=True), ["type=sbom", "type=provenance,disabled=true"]),
    ],
)
def test_attestations(settings: BuildSettings, expected: list[str]) -> None:
    """None by default: Fly has refused indexes with attestations."""
    assert expected == definition_of(target(image("web")), settings)["attest"]


def test_templates_are_escaped() -> None:
    """HCL expands nothing in the value of an argument."""
    made = replace(image("web"), args={"A": "${HOME} %{if} $x"})

    assert definition_of(target(made))["args"] == {"A": "$${HOME} %%{if} $x"}


def test_names_of_targets_stay_apart() -> None:
    """Bake allows no dots in names; two images still get different names."""
    names = ["python3.12", "python3-12", "python3_12", "python312", "python3__12"]

    assert len({target_name(ImageName(name)) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("base", "base"),
        ("base:latest", "base"),
        ("base:1", "base:1"),
        ("docker.io/library/base:latest", "base"),
        ("docker.io/acme/base", "acme/base"),
        ("127.0.0.1:5000/base:latest", "127.0.0.1:5000/base"),
        ("127.0.0.1:5000/library/base:2", "127.0.0.1:5000/library/base:2"),
    ],
)
def test_the_spelling_of_context_names(name: str, expected: str) -> None:
    """BuildKit finds a context only by its own spelling of the name, else it asks Docker Hub."""
    assert expected == context_key(name)


@pytest.mark.parametrize(
    "dockerfile",
    ["FROM base AS base\nRUN make\n", "FROM base AS x\nFROM debian AS BASE\n"],
)
def test_a_stage_named_as_its_base_is_refused(dockerfile: str) -> None:
    """BuildKit would skip the stage and use the base instead."""
    made = target(image("web", dockerfile, ("base",)))

    with pytest.raises(ConfigError) as caught:
        definition([made], BuildSettings())

    (problem,) = caught.value.problems
    assert problem.location is not None
    assert problem.location.file == "images/web/Dockerfile"
    assert "the stage `base` has the name of the image `base`" in problem.message


def test_a_stage_named_as_a_base_with_a_host_is_fine() -> None:
    """A full reference differs from the stage's name."""
    made = image("web")
    source = parse(b"FROM 127.0.0.1:5000/base:1 AS base\n", file="Dockerfile")
    edge = Base("127.0.0.1:5000/base:1", ImageName("base"), Location("Dockerfile", 1))

    assert clashes(replace(made, source=source, bases=(edge,))) == ()


def test_an_image_called_context_cannot_be_a_base() -> None:
    """BuildKit never uses a context of the name `context`."""
    (problem,) = clashes(image("web", "FROM context\n", ("context",)))

    assert "`context`" in problem.message
