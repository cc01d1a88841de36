"""References, parsed as by docker."""

from __future__ import annotations

import pytest

from pipeline import reference as ref

HEX = "a" * 64


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("debian", "docker.io/library/debian:latest"),
        ("debian:bookworm-slim", "docker.io/library/debian:bookworm-slim"),
        ("acme/web", "docker.io/acme/web:latest"),
        ("docker.io/debian:12", "docker.io/library/debian:12"),
        ("index.docker.io/acme/web:1", "docker.io/acme/web:1"),
        ("registry.fly.io/web:v1", "registry.fly.io/web:v1"),
        ("127.0.0.1:5000/web:v1", "127.0.0.1:5000/web:v1"),
        ("localhost/web", "localhost/web:latest"),
        ("localhost:5000/a/b/c:x", "localhost:5000/a/b/c:x"),
        ("[::1]:5000/web:v1", "[::1]:5000/web:v1"),
        (f"registry.fly.io/web@sha256:{HEX}", f"registry.fly.io/web@sha256:{HEX}"),
        (f"registry.fly.io/web:v1@sha256:{HEX}", f"registry.fly.io/web:v1@sha256:{HEX}"),
        ("Host/web:1", "Host/web:1"),
    ],
)
def test_a_reference_is_filled_in(text: str, full: str) -> None:
    """Docker's defaults are added: host, `library/` and `latest`."""
    assert full == str(ref.parse_reference(text))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Debian", "Debian"),
        ("debian:", "not a tag"),
        ("debian:.x", "not a tag"),
        ("debian@sha256:abc", "not a digest"),
        ("registry.fly.io/", "not allowed"),
        ("a b", "not allowed"),
        ("", "not allowed"),
        (HEX, "64 hex"),
        ("registry.fly.io/" + "a" * 250, "longer than"),
        ("under..score/x", "not a registry host"),
        ("localhost:65536/x", "not a registry host"),
        ("localhost:000000/x", "not a registry host"),
        ("[::1]:99999/x", "not a registry host"),
        ("[:::]/x", "not a registry host"),
        (f"{'a' * 64}.example/x", "not a registry host"),
    ],
)
def test_an_error_names_the_wrong_part(text: str, part: str) -> None:
    """The error names the wrong part of the reference."""
    with pytest.raises(ref.ReferenceSyntaxError, match=part):
        ref.parse_reference(text)


def test_a_full_reference_reads_back_as_itself() -> None:
    """`str` and `parse_reference` are inverse."""
    full = ref.parse_reference(f"registry.fly.io/web:v1@sha256:{HEX}")

    assert full == ref.parse_reference(str(full))


def test_a_digest_decides_over_a_tag() -> None:
    """The registry is queried by the digest, if there is one."""
    both = ref.parse_reference(f"web:v1@sha256:{HEX}")

    assert f"sha256:{HEX}" == both.identifier


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("linux/amd64", "linux/amd64"),
        ("Linux/x86_64", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/armel/v7", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("linux/i386/x", "linux/386"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v2", "linux/amd64/v2"),
        ("linux/arm64/9", "linux/arm64/v9"),
        ("macos/arm64", "darwin/arm64"),
        ("windows(10.0.17763)/amd64", "windows/amd64"),
        ("linux", "linux/amd64"),
        ("Windows", "windows/amd64"),
        ("aarch64", "linux/arm64"),
        ("armhf", "linux/arm/v7"),
        ("i386", "linux/386"),
        ("my/own", "my/own"),
    ],
)
def test_platforms_are_normalised(text: str, full: str) -> None:
    """Two spellings of a platform are equal."""
    assert full == str(ref.parse_platform(text))


@pytest.mark.parametrize(
    "text",
    ["", "lunix", "a/b/c/d", "linux/", "/amd64", "lin ux/amd64", "linux/amd64 ", "li.nux/amd64"],
)
def test_invalid_platforms(text: str) -> None:
    """A platform has an OS and an architecture."""
    with pytest.raises(ref.ReferenceSyntaxError, match="not a platform"):
        ref.parse_platform(text)


@pytest.mark.parametrize("name", ["web", "python-base", "a.b_c__d", "node20", "a--b"])
def test_image_names_are_path_components(name: str) -> None:
    """Valid path components of OCI are valid names."""
    assert name == ref.parse_image_name(name)


@pytest.mark.parametrize("name", ["Web", "-web", "a/b", "a b", "web-", "a...b", ""])
def test_other_image_names_are_refused(name: str) -> None:
    """Other names are invalid."""
    with pytest.raises(ref.ReferenceSyntaxError, match="not an image name"):
        ref.parse_image_name(name)


@pytest.mark.parametrize(
    ("host", "hub"),
    [
        ("docker.io", True),
        ("index.docker.io", True),
        ("registry-1.docker.io", True),
        ("registry.hub.docker.com", True),
        ("Index.Docker.io:443", True),
        ("auth.docker.io", False),
        ("hub.docker.com", False),
        ("docker.io:5000", False),
        ("docker.io.evil.com", False),
        ("mydocker.io", False),
    ],
)
def test_the_names_of_docker_hub(host: str, *, hub: bool) -> None:
    """The names of Docker Hub's registry, and no similar ones."""
    assert ref.is_hub(host) is hub
    assert (str(ref.parse_repository_on(f"{host}/acme/web", "r.io")) == "docker.io/acme/web") is hub
