"""Parsing `PIPELINE_ALLOW`, the permissions that only the user can give."""

from __future__ import annotations

import pytest

from pipeline.errors import ConfigError
from pipeline.model.permission import Allowed, parse_allowed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        (" , ,", ()),
        ("ssh", (("ssh", ""),)),
        ("network.host,commands", (("network.host", ""), ("commands", ""))),
        ("fs.read=/a=b, fs.write=../c", (("fs.read", "/a=b"), ("fs.write", "../c"))),
        ("secret=TOKEN", (("secret", "TOKEN"),)),
        ("repository=ghcr.io/acme/web", (("repository", "ghcr.io/acme/web"),)),
        ("token-server=r.io:5050/a.io:8443", (("token-server", "r.io:5050/a.io:8443"),)),
        ("mirror=docker.io/[2001:db8::1]:5000", (("mirror", "docker.io/[2001:db8::1]:5000"),)),
    ],
)
def test_permissions(text: str, words: tuple[tuple[str, str], ...]) -> None:
    """Permissions are separated by commas, with or without spaces."""
    assert parse_allowed(text) == Allowed(words)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sssh", "`sssh`"),
        ("SSH", "`SSH`"),
        ("ssh=default", "`ssh=default`"),
        ("ssh=", "`ssh=`"),
        ("network.host,everything", "`everything`"),
        ("fs=/", "`fs`"),
        ("fs.read", "`fs.read`"),
        ("secret=", "`secret=`"),
        ("mirror=docker.io", "`mirror=docker.io`"),
        ("mirror=docker.io/", "`mirror=docker.io/`"),
        ("mirror=https://a/b", "`mirror=https://a/b`"),
        ("token-server=r.io/a.io/b", "`token-server=r.io/a.io/b`"),
        ("token-server=r.io/me@a.io", "`token-server=r.io/me@a.io`"),
        ("repository=acme", "`repository=acme`"),
    ],
)
def test_wrong_permissions(text: str, named: str) -> None:
    """A wrong permission gives exit code 2 and a suggestion."""
    with pytest.raises(ConfigError) as caught:
        parse_allowed(text)

    assert caught.value.exit_code == 2
    (problem,) = caught.value.problems
    assert named in problem.message
    assert "PIPELINE_ALLOW" in problem.message
    assert problem.hint


def test_all_mistakes_are_reported_at_once() -> None:
    """All mistakes are reported at once."""
    with pytest.raises(ConfigError) as caught:
        parse_allowed("a,ssh,b")

    assert len(caught.value.problems) == 2


def test_permissions_with_values() -> None:
    """Registries by Docker's one name for them; hosts without the usual port."""
    words = "mirror=index.docker.io/M.test,token-server=R.test:443/a.test:443,ssh"
    found = parse_allowed(f"{words},token-server=r.test:5050/[::1]:8443,private=r.test/S3.lan")

    assert found.private == (("r.test", "s3.lan"),)
    assert found.mirrors == (("docker.io", "m.test"),)
    assert found.token_servers == (("r.test", "a.test"), ("r.test:5050", "[::1]:8443"))


@pytest.mark.parametrize(
    ("words", "allowed"),
    [("", False), ("ssh,secret=commands", False), ("commands", True), ("ssh,commands", True)],
)
def test_commands(words: str, *, allowed: bool) -> None:
    """The permission to run programs of the project in tasks without side effects."""
    assert parse_allowed(words).commands is allowed


def test_permissions_are_merged() -> None:
    """The permissions of command line and environment are merged."""
    found = parse_allowed("ssh") + parse_allowed("commands", "`--allow`") + parse_allowed("")

    assert found == parse_allowed("ssh,commands")
