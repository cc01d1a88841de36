"""Sources of credentials: Docker's configuration, helpers, podman's files, variables."""

from __future__ import annotations

import base64
import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from pipeline.registry.auth import ask_helper as helpers
from pipeline.registry.auth.credential import Kind
from pipeline.registry.auth.docker_config import docker_config
from pipeline.registry.auth.docker_login import docker_proxies
from pipeline.registry.auth.keychain import credentials, known_secrets
from pipeline.registry.auth.namespace import Namespace, common
from pipeline.registry.auth.podman_login import namespaces
from pipeline.registry.errors import CredentialError
from tests.support.fake_programs import write_program

if TYPE_CHECKING:
    from pathlib import Path

HOST = Namespace("registry.example.com")
SECRET = "a-secret-of-docker's"


def auth(user: str, secret: str) -> str:
    """Return the `auth` of a login as docker writes it."""
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


def logins(file: Path, **sections: object) -> None:
    """Write a file in Docker's format."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(sections), encoding="utf-8")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a new home, and a PATH with its folder `bin`."""
    return {"HOME": str(folder), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", **more}


def helper(folder: Path, name: str, script: str) -> None:
    """Write a credential helper that records its calls."""
    file = folder / "bin" / f"docker-credential-{name}"
    write_program(file, f'echo "$1" >> {folder / name}.asked\n{script}')


def login_for(environ: dict[str, str], place: str) -> tuple[str, str] | None:
    """Return user and secret for a host or repository."""
    found = credentials(environ)(Namespace(place))
    return (found.username, found.secret) if found else None


def test_podmans_files_in_their_order(tmp_path: Path) -> None:
    """The named file, that of the session, that of the home; Docker's before all of them."""
    named, runtime = tmp_path / "named.json", tmp_path / "run"
    environ = environment(tmp_path, REGISTRY_AUTH_FILE=str(named), XDG_RUNTIME_DIR=str(runtime))
    order = [
        tmp_path / ".config/containers/auth.json",
        runtime / "containers/auth.json",
        named,
        tmp_path / ".docker/config.json",
    ]

    found = []
    for number, file in enumerate(order):
        logins(file, auths={HOST: {"auth": auth("me", f"secret-{number}")}})
        found.append(login_for(environ, HOST))

    assert found == [("me", f"secret-{number}") for number in range(4)]
    assert credentials(environ)(HOST).known_to_docker  # type: ignore[union-attr]


def test_xdg_config_home(tmp_path: Path) -> None:
    """XDG_CONFIG_HOME is respected."""
    logins(tmp_path / "xdg/containers/auth.json", auths={HOST: {"auth": auth("me", SECRET)}})

    environ = environment(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "xdg"))

    assert login_for(environ, HOST) == ("me", SECRET)


@pytest.mark.parametrize(
    ("place", "user"),
    [
        (f"{HOST}/acme/web", "web"),
        (f"{HOST}/acme/api", "acme"),
        (f"{HOST}/acme", "acme"),
        (f"{HOST}/acmeshop", "all"),
        (HOST, "all"),
        ("other.example.com/acme/web", None),
        ("docker.io/library/debian", "hub"),
    ],
)
def test_a_login_for_a_path(tmp_path: Path, place: str, user: str | None) -> None:
    """The longest key that is a prefix of the repository's path components counts."""
    keys = {f"{HOST}/acme/web": "web", f"{HOST}/acme": "acme", HOST: "all", "docker.io": "hub"}
    entries = {key: {"auth": auth(name, SECRET)} for key, name in keys.items()}
    logins(tmp_path / ".config/containers/auth.json", auths=entries)
    environ = environment(tmp_path)

    found = login_for(environ, place)

    assert (found[0] if found else None) == user
    assert namespaces(environ) == {f"{HOST}/acme/web", f"{HOST}/acme"}


@pytest.mark.parametrize("host", ["docker.io", "registry-1.docker.io", "registry.hub.docker.com"])
@pytest.mark.parametrize(
    ("key", "docker_finds"),
    [
        ("https://index.docker.io/v1/", True),
        ("index.docker.io", True),
        ("docker.io", False),
        ("registry-1.docker.io", False),
    ],
)
def test_a_login_to_docker_hub(tmp_path: Path, host: str, key: str, *, docker_finds: bool) -> None:
    """Docker has one name for it; BuildKit gets the others, too."""
    logins(tmp_path / ".docker/config.json", auths={key: {"auth": auth("hub", SECRET)}})

    found = credentials(environment(tmp_path))(Namespace(host))

    assert found is not None
    assert found.username == "hub"
    assert found.known_to_docker is docker_finds


def test_a_login_for_a_path_is_none_for_the_host(tmp_path: Path) -> None:
    """`host/acme` is no login for `host`; a key with a scheme and a path is, as for docker."""
    entries = {f"{HOST}/acme": {"auth": auth("acme", SECRET)}}
    logins(tmp_path / ".config/containers/auth.json", auths=entries)
    assert login_for(environment(tmp_path), HOST) is None

    logins(
        tmp_path / ".config/containers/auth.json",
        auths={f"https://{HOST}/v2/": {"auth": auth("old", SECRET)}},
    )
    assert login_for(environment(tmp_path), HOST) == ("old", SECRET)


def test_the_helper_of_podman(tmp_path: Path) -> None:
    """`credHelpers` of podman's file; docker gets the helper, not the secret."""
    answer = json.dumps({"ServerURL": HOST, "Username": "me", "Secret": SECRET})
    helper(tmp_path, "pod", f"cat >/dev/null\ncat <<'END'\n{answer}\nEND")
    logins(tmp_path / ".config/containers/auth.json", credHelpers={HOST: "pod"})
    environ = environment(tmp_path, TMPDIR=str(tmp_path), FLY_API_TOKEN="fm2_other")
    found = credentials(environ)(HOST)

    assert found is not None
    assert (found.username, found.secret) == ("me", SECRET)
    with docker_config({HOST: found}, environ) as more:
        written = (tmp_path / more["DOCKER_CONFIG"] / "config.json").read_text()
        assert json.loads(written)["credHelpers"] == {HOST: "pod"}
        assert SECRET not in written


def test_docker_gets_no_login_for_an_untrusted_host(tmp_path: Path) -> None:
    """Not by an entry in any spelling, a helper, a store or a variable."""
    entry = {"auth": auth("me", SECRET)}
    logins(
        tmp_path / ".docker/config.json",
        auths={HOST: entry, f"https://{HOST}/v1/": entry, "other.example.com": entry},
        credHelpers={HOST: "pod"},
        credsStore="desktop",
    )
    variable = json.dumps({"auths": {HOST: entry}})
    environ = environment(tmp_path, TMPDIR=str(tmp_path), DOCKER_AUTH_CONFIG=variable)

    with docker_config({}, environ, [HOST]) as more:
        written = json.loads((tmp_path / more["DOCKER_CONFIG"] / "config.json").read_text())

    assert list(written["auths"]) == ["other.example.com"]
    # An empty helper tells docker not to use the store (`docker/cli`, `GetAuthConfig`).
    assert written["credHelpers"] == {HOST: ""}
    assert more["DOCKER_AUTH_CONFIG"] == ""


def test_docker_gets_logins_from_other_sources(tmp_path: Path) -> None:
    """Each host's login, also podman's, or one with an unusual `auth`."""
    odd = base64.urlsafe_b64encode(b"me:\xc3\xbf\xc3\xbe?~~~").decode().rstrip("=")
    assert set(odd) & set("-_")
    own = {"own.example.com": {"auth": auth("own", SECRET)}, "odd.example.com": {"auth": odd}}
    logins(tmp_path / ".docker/config.json", auths=own)
    logins(tmp_path / ".config/containers/auth.json", auths={HOST: {"auth": auth("pod", SECRET)}})
    variable = {"auths": {"variable.example.com": {"auth": auth("variable", SECRET)}}}
    environ = environment(tmp_path, TMPDIR=str(tmp_path), DOCKER_AUTH_CONFIG=json.dumps(variable))
    hosts = ("own.example.com", "odd.example.com", HOST)
    found = {host: one for host in hosts if (one := credentials(environ)(Namespace(host)))}

    with docker_config(found, environ) as more:
        folder = tmp_path / more["DOCKER_CONFIG"]
        auths = json.loads((folder / "config.json").read_text())["auths"]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600

    assert not folder.exists()
    assert auths[HOST] == {"auth": auth("pod", SECRET)}
    assert auths["variable.example.com"] == variable["auths"]["variable.example.com"]
    assert more["DOCKER_AUTH_CONFIG"] == ""  # It would have priority over the file.
    assert auths["own.example.com"] == own["own.example.com"]
    assert base64.b64decode(auths["odd.example.com"]["auth"], validate=True).startswith(b"me:")


@pytest.mark.parametrize("host", ["", "tcp://127.0.0.1:2375", "unix:///run/other.sock"])
def test_docker_gets_no_proxies(tmp_path: Path, host: str) -> None:
    """Docker would make build arguments of them, which an `ARG` could copy into an image."""
    entries = {
        "default": {"httpProxy": "http://p:1", "noProxy": "x", "allProxy": "none of buildx's"},
        "tcp://127.0.0.1:2375": {"httpsProxy": "http://q:2"},
    }
    logins(tmp_path / ".docker/config.json", auths={}, proxies=entries)
    environ = environment(tmp_path, TMPDIR=str(tmp_path), DOCKER_HOST=host)
    of_the_engine = {"HTTPS_PROXY": "http://q:2"}

    with docker_config({}, environ) as more:
        written = json.loads((tmp_path / more["DOCKER_CONFIG"] / "config.json").read_text())

    assert "proxies" not in written
    assert docker_proxies(environ) == (
        of_the_engine if "tcp" in host else {"HTTP_PROXY": "http://p:1", "NO_PROXY": "x"}
    )


@pytest.mark.parametrize("odd", ["_-8", "eDp5eg", "eA==", "OnNlY3JldA==", "\0", 5, [], "text"])
def test_docker_gets_no_invalid_login(tmp_path: Path, odd: object) -> None:
    """Docker would stop there, in random order, and miss other logins."""
    whole = {HOST: {"auth": auth("me", SECRET)}, "quiet.example.com": {"auth": ""}, "none": {}}
    environ = environment(tmp_path, TMPDIR=str(tmp_path))
    for broken in ({}, {"odd.example.com": odd if odd == "text" else {"auth": odd}}):
        logins(tmp_path / ".docker/config.json", auths={**broken, **whole})
        found = credentials(environ)(HOST)
        assert found is not None
        with docker_config({HOST: found}, environ) as more:
            assert bool(more) == bool(broken)
            if broken:
                text = (tmp_path / more["DOCKER_CONFIG"] / "config.json").read_text()
                auths = json.loads(text)["auths"]
                # An equivalent spelling is written in Docker's form.
                assert auths.pop("odd.example.com", {}) in ({}, {"auth": "eDp5eg=="})
                assert auths == whole


@pytest.mark.parametrize("secret", ["plain", "\u00ff\u00fe?~~~>>>", "with:colons:and more"])
@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_every_alphabet_of_base64(tmp_path: Path, secret: str, *, safe: bool, padded: bool) -> None:
    """Docker's, flyctl's, with and without padding."""
    encode = base64.urlsafe_b64encode if safe else base64.b64encode
    written = encode(f"me:{secret}".encode()).decode()
    entry = {"auth": written if padded else written.rstrip("=")}
    logins(tmp_path / ".docker/config.json", auths={HOST: entry})

    assert login_for(environment(tmp_path), HOST) == ("me", secret)


def test_the_variable_has_priority_over_the_file(tmp_path: Path) -> None:
    """`DOCKER_AUTH_CONFIG` before `config.json`; an empty one is ignored, a broken one an error."""
    logins(tmp_path / ".docker/config.json", auths={HOST: {"auth": auth("file", SECRET)}})
    variable = json.dumps({"auths": {HOST: {"auth": auth("variable", SECRET)}}})

    assert login_for(environment(tmp_path, DOCKER_AUTH_CONFIG=variable), HOST) == (
        "variable",
        SECRET,
    )
    assert login_for(environment(tmp_path, DOCKER_AUTH_CONFIG=""), HOST) == ("file", SECRET)
    with pytest.raises(CredentialError, match="DOCKER_AUTH_CONFIG"):
        login_for(environment(tmp_path, DOCKER_AUTH_CONFIG=variable[:-1]), HOST)


@pytest.mark.parametrize("content", ["[]", "nonsense", "[" * 99_999, '{"auths": "\x00'])
def test_an_invalid_file_is_not_quoted(tmp_path: Path, content: str) -> None:
    """The error names the file; its content may be a secret."""
    logins(tmp_path / ".config/containers/auth.json")
    (tmp_path / ".config/containers/auth.json").write_text(content)

    with pytest.raises(CredentialError, match=r"auth\.json") as caught:
        login_for(environment(tmp_path), HOST)

    assert content[:9] not in str(caught.value)
    assert caught.value.hint


def test_an_identity_token_with_a_user_name(tmp_path: Path) -> None:
    """As Azure's command line writes them."""
    entry = {"auth": auth("00000000", ""), "identitytoken": SECRET}
    logins(tmp_path / ".docker/config.json", auths={HOST: entry})

    found = credentials(environment(tmp_path))(HOST)

    assert found is not None
    assert (found.username, found.secret, found.kind) == ("00000000", SECRET, Kind.IDENTITY_TOKEN)
    assert found.for_engine == {"identitytoken": SECRET}


def test_a_helper_without_a_login(tmp_path: Path) -> None:
    """With docker's own message `auths` is used; any other message is an error."""
    helper(tmp_path, "acme", "echo 'credentials not found in native keychain'; exit 1")
    helper(tmp_path, "other", "echo 'credentials not found, or so'; exit 1")
    entries = {HOST: {"auth": auth("file", SECRET)}}
    logins(tmp_path / ".docker/config.json", auths=entries, credsStore="acme")
    environ = environment(tmp_path)

    assert login_for(environ, HOST) == ("file", SECRET)
    assert not credentials(environ)(HOST).known_to_docker  # type: ignore[union-attr]
    logins(tmp_path / ".docker/config.json", auths=entries, credsStore="other")
    with pytest.raises(CredentialError, match="or so"):
        login_for(environ, HOST)


def test_only_the_helper_of_the_host_is_called(tmp_path: Path) -> None:
    """A broken helper of another host has no effect; the store is used for the rest."""
    known = json.dumps({"ServerURL": HOST, "Username": "<token>", "Secret": SECRET})
    helper(tmp_path, "good", f"cat >/dev/null\ncat <<'END'\n{known}\nEND")
    helper(tmp_path, "broken", "exit 3")
    logins(
        tmp_path / ".docker/config.json",
        credHelpers={HOST: "good", "other.example.com": "broken"},
        credsStore="broken",
    )
    environ = environment(tmp_path)

    found = credentials(environ)(HOST)

    assert found is not None
    assert found.kind is Kind.IDENTITY_TOKEN
    assert (tmp_path / "good.asked").read_text() == "get\n"
    assert not (tmp_path / "broken.asked").exists()
    with pytest.raises(CredentialError, match="broken"):
        login_for(environ, "third.example.com")


@pytest.mark.parametrize(
    "script",
    [
        "echo garbage",
        "exit 0",
        "echo '[]'",
        'echo \'{"Username": "me"}\'',
        "yes '[' | head -c 90000 | tr -d '\\n'",
        "printf '\\377\\376'",
        f'echo \'{{"Secret": "{SECRET[:8]}", broken\'',
        f'echo \'{{"Secret": "{SECRET[:8]}"\' ; exit 1',
    ],
    ids=range(8),
)
def test_invalid_output_of_a_helper(tmp_path: Path, script: str) -> None:
    """The error names it, and quotes nothing that may be a secret."""
    helper(tmp_path, "acme", script)

    with pytest.raises(CredentialError, match="docker-credential-acme") as caught:
        helpers.get("acme", HOST, environment(tmp_path))

    assert caught.value.hint
    assert SECRET[:8] not in caught.value.message + caught.value.hint


def test_a_helper_that_hangs(tmp_path: Path) -> None:
    """It has a timeout."""
    helper(tmp_path, "acme", "exec sleep 20")

    with pytest.raises(CredentialError, match="did not answer"):
        helpers.get("acme", HOST, environment(tmp_path), timeout=0.2)


@pytest.mark.parametrize("name", ["../acme", "a b", "a;touch x", "", "a/b", "ä"])
def test_an_invalid_name_of_a_helper(tmp_path: Path, name: str) -> None:
    """Nothing is run."""
    with pytest.raises(CredentialError, match="cannot be one"):
        helpers.get(name, HOST, environment(tmp_path))


def test_a_missing_helper(tmp_path: Path) -> None:
    """As after uninstalling Docker Desktop."""
    logins(tmp_path / ".docker/config.json", credsStore="desktop-gone")

    with pytest.raises(CredentialError, match="not on PATH"):
        login_for(environment(tmp_path), HOST)


def test_the_login_for_several_paths() -> None:
    """Docker has one login per host: that of the innermost common path."""
    assert common([Namespace("h/acme/web"), Namespace("h/acme/api")]) == "h/acme"
    assert common([Namespace("h/acme/web")]) == "h/acme/web"
    assert common([Namespace("h/acme"), Namespace("h/other")]) == "h"


def test_all_known_secrets(tmp_path: Path) -> None:
    """Of variables, and of every readable file."""
    logins(tmp_path / ".docker/config.json", auths={HOST: {"auth": auth("me", "docker-one")}})
    (tmp_path / ".config/containers").mkdir(parents=True)
    (tmp_path / ".config/containers/auth.json").write_text("broken")
    variable = json.dumps({"auths": {HOST: {"auth": auth("me", "variable-one")}}})
    environ = environment(
        tmp_path, FLY_API_TOKEN="FlyV1 fm2_one,fo1_two", DOCKER_AUTH_CONFIG=variable
    )

    found = known_secrets(environ)

    assert {"fm2_one", "fo1_two", "docker-one", "variable-one"} <= set(found)
    assert auth("me", "docker-one") in found
    assert auth("x", "fm2_one").rstrip("=") in found


def test_docker_gets_the_token_of_a_variable(tmp_path: Path) -> None:
    """Docker's child processes do not get Fly's variables, so a helper would find no token."""
    environ = environment(tmp_path, TMPDIR=str(tmp_path), FLY_API_TOKEN="FlyV1 fm2_abc")
    found = credentials(environ)(Namespace("registry.fly.io"))

    assert found is not None
    with docker_config({"registry.fly.io": found}, environ) as more:
        written = json.loads((tmp_path / more["DOCKER_CONFIG"] / "config.json").read_text())
    assert written["auths"]["registry.fly.io"] == {"auth": auth("x", "fm2_abc")}
    assert written["credHelpers"] == {"registry.fly.io": ""}
