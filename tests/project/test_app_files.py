"""An app's configuration and the files that it names: what counts, and what is refused early."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.model.configuration import differences
from pipeline.project.app_files import read_configuration
from pipeline.project.named_files import NamedFiles

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.configuration import Configuration

COMPOSE = """\
services:
  web:
    build: .
  proxy:
    image: nginx:1.27
    volumes:
      - ./nginx.conf:/etc/nginx/nginx.conf:ro
      - cache:/var/cache
"""
MACHINE = {
    "containers": [
        {"name": "app", "image": "scratch"},
        {
            "name": "proxy",
            "image": "nginx:1.27",
            "files": [{"guest_path": "/etc/nginx/nginx.conf", "local_path": "nginx.conf"}],
        },
    ]
}


def read(root: Path, toml: str, **files: str) -> Configuration:
    """Return the configuration in `images/web`; in the names of `files`, `_` means `.`."""
    folder = root / "images/web"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"fly_toml": toml, **files}.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return read_configuration(root, folder / "fly.toml")


def problems_of(root: Path, toml: str, **files: str) -> list[str]:
    """Return each problem with its location."""
    with pytest.raises(ConfigError) as caught:
        read(root, toml, **files)
    return [str(problem) for problem in caught.value.problems]


def sha256(text: str) -> str:
    """Return the sha256 as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("language", ["toml", "json"])
def test_contents_of_local_files_count(tmp_path: Path, language: str) -> None:
    """Contents of `local_path` files count, relative to the configuration, in every format."""
    read(tmp_path, "", a_conf="one", fly_json='{"files": [{"local_path": "a.conf"}]}')
    (tmp_path / "images/web/fly.toml").write_text('[[files]]\nlocal_path = "a.conf"\n')
    found = read_configuration(tmp_path, tmp_path / f"images/web/fly.{language}")

    assert found.contents == {"a.conf": sha256("one")}


def test_missing_files_are_reported_before_a_build(tmp_path: Path) -> None:
    """All missing files are reported at once with their lines, before the build."""
    toml = 'app = "web"\n[[files]]\nguest_path = "/a"\nlocal_path = "a.conf"\n'
    toml += '[[files]]\nguest_path = "/b"\nlocal_path = "b"\n'

    assert problems_of(tmp_path, toml) == [
        "images/web/fly.toml:4:14: `a.conf` cannot be read: no such file or directory",
        "images/web/fly.toml:7:14: `b` cannot be read: no such file or directory",
    ]


def test_a_configuration_that_became_invalid(tmp_path: Path) -> None:
    """The configuration is read again before each deploy, and may be invalid by then."""
    assert problems_of(tmp_path, "[env\n")[0].startswith("images/web/fly.toml:1:5: not TOML: ")


def test_a_changed_sidecar_of_a_compose_file_is_seen(tmp_path: Path) -> None:
    """A compose sidecar's image counts, and files in its volumes; a named volume is no file."""
    toml = '[build.compose]\nfile = "compose.yml"\n'
    old = read(tmp_path, toml, compose_yml=COMPOSE, nginx_conf="one")
    image = read(tmp_path, toml, compose_yml=COMPOSE.replace("1.27", "1.28"))
    conf = read(tmp_path, toml, nginx_conf="two")

    assert differences(old, image) == ("the contents of `compose.yml`",)
    assert differences(image, conf) == ("the contents of `./nginx.conf`",)
    assert len({old.digest, image.digest, conf.digest}) == 3


def test_the_default_compose_file_counts(tmp_path: Path) -> None:
    """The default compose file of flyctl counts: `compose.yaml` before `docker-compose.yml`."""
    found = read(tmp_path, "[build.compose]\n", compose_yaml=COMPOSE, nginx_conf="one")

    assert set(found.contents) == {"compose.yaml", "./nginx.conf"}


@pytest.mark.parametrize("where", ["machine_config", "experimental.machine_config"])
def test_a_changed_sidecar_of_a_machine_config_is_seen(tmp_path: Path, where: str) -> None:
    """Images and files of a machine configuration file count."""
    toml = f'{where} = "cli.json"\n'
    old = read(tmp_path, toml, cli_json=json.dumps(MACHINE), nginx_conf="one")
    image = json.dumps(MACHINE).replace("1.27", "1.28")

    assert differences(old, read(tmp_path, toml, cli_json=image)) == ("the contents of `cli.json`",)
    last = read(tmp_path, toml, nginx_conf="two")
    assert "the contents of `nginx.conf`" in differences(old, last)


def test_an_inline_machine_config(tmp_path: Path) -> None:
    """A machine configuration may also be inline; its key and its files count."""
    old = read(tmp_path, f"machine_config = '{json.dumps(MACHINE)}'\n", nginx_conf="one")
    new = json.dumps(MACHINE).replace("1.27", "1.28")

    assert set(old.contents) == {"nginx.conf"}
    assert differences(old, read(tmp_path, f"machine_config = '{new}'\n")) == ("`machine_config`",)


@pytest.mark.parametrize(
    ("toml", "files", "why"),
    [
        ("[build.compose]\n", {}, "there is no compose file"),
        (
            "[build.compose]\n",
            {"compose_yml": "services:\n  proxy:\n    image: nginx\n"},
            "no service has `build` in `compose.yml`: no container would run this image",
        ),
        (
            "[build.compose]\n",
            {"compose_yml": "services:\n  a:\n    build: .\n  b:\n    build: .\n"},
            "`a`, `b` have `build` in `compose.yml`, but only one may",
        ),
        (
            "[build.compose]\n",
            {"compose_yml": "services:\n  a:\n    build: .\n  b:\n    command: c\n"},
            "the service `b` of `compose.yml` has neither `image` nor `build`",
        ),
        ("[build.compose]\n", {"compose_yml": "a: [\n"}, "`compose.yml` cannot be read: "),
        ('machine_config = "cli.yaml"\n', {}, "neither JSON nor the name of a `.json` file"),
        ('machine_config = "cli.json"\n', {"cli_json": "{"}, "`cli.json` is not JSON: "),
        ('machine_config = "cli.json"\n', {"cli_json": "[" * 100_000}, "`cli.json` is not JSON: "),
        ('machine_config = "/etc/x.json"\n', {}, "`/etc/x.json` lies outside the project"),
        ('machine_config = "../../../x.json"\n', {}, "`../../../x.json` lies outside the project"),
        (
            'container = "wep"\nmachine_config = "cli.json"\n',
            {"cli_json": json.dumps(MACHINE), "nginx_conf": ""},
            "there is no container `wep` in `cli.json`",
        ),
        (
            'machine_config = "cli.json"\n',
            {"cli_json": '{"containers": [{"name": "app"}, {"name": "proxy"}]}'},
            "the container `proxy` of `cli.json` has no image",
        ),
    ],
)
def test_what_flyctl_would_refuse_after_the_build(
    tmp_path: Path, toml: str, files: dict[str, str], why: str
) -> None:
    """Refused early: what flyctl refuses after the build, or deploys without the built image."""
    (found,) = problems_of(tmp_path, toml, **files)

    assert found.startswith("images/web/fly.toml:1")
    assert why in found


def _machine(*files: str, more: str = "") -> str:
    return f'{{"files": [{", ".join(files)}]{more}}}'


@pytest.mark.parametrize(
    ("toml", "machine", "why"),
    [
        ("[[Files]]\nlocal_path = '/etc/passwd'\n", "", "1:3: flyctl reads `Files` as `files`"),
        ('[["file\\u017f"]]\nlocal_path = "/etc/passwd"\n', "", "` as `files`"),
        (
            "[[files]]\nLocal_Path = '/etc/passwd'\n",
            "",
            "2:14: flyctl reads `Local_Path` as `local_path`",
        ),
        ("[build.Compose]\nfile = '/x'\n", "", "1:8: flyctl reads `Compose` as `compose`"),
        ("[Build.compose]\nfile = '/x'\n", "", "1:2: flyctl reads `Build` as `build`"),
        ("[build.compose]\nFile = '/x'\n", "", "2:8: flyctl reads `File` as `file`"),
        ("Machine_config = '/x.json'\n", "", "flyctl reads `Machine_config` as `machine_config`"),
        ("[[statics]]\nguest_path = '../../..'\n", "", "`../../..` lies outside the project"),
        ("[[statics]]\nguest_path = 'public'\n", "", "`public/link` lies outside the project"),
        ("", '{"Files": [{"local_path": "/x"}]}', "flyctl reads `Files` of `cli.json` as `files`"),
        (
            "",
            _machine('{"guest_path": "/a", "Local_path": "/etc/passwd"}'),
            "flyctl reads `Local_path` of `cli.json` as `local_path`",
        ),
        (
            "",
            _machine('{"guest_path": "/a", "local_path": "/etc/passwd"}', more=', "files": [{}]'),
            "`cli.json` is not JSON: the key `files` is there twice",
        ),
        (
            "",
            _machine(
                '{"guest_path": "/a", "raw_value": "x", "local_path": "/etc/passwd"}',
                '{"guest_path": "/a"}',
            ),
            "`/etc/passwd` lies outside the project",
        ),
    ],
)
def test_keys_that_only_flyctl_would_match(
    tmp_path: Path, toml: str, machine: str, why: str
) -> None:
    """Go matches keys in any case of letters, and flyctl uploads folders of `[[statics]]`."""
    public = tmp_path / "images/web/public"
    public.mkdir(parents=True)
    (public / "link").symlink_to("/etc/passwd")
    toml = toml or "machine_config = 'cli.json'\n"

    found = problems_of(tmp_path, toml, cli_json=machine)

    assert any(why in one for one in found)


def test_statics_of_the_project(tmp_path: Path) -> None:
    """A folder of the image, one of the project, and a bucket."""
    (tmp_path / "images/web/public").mkdir(parents=True)
    (tmp_path / "images/web/public/link").symlink_to("../fly.toml")
    paths = ("guest_path = '/app/public'", "guest_path = 'public'")
    toml = "".join(f"[[statics]]\n{path}\n" for path in paths)

    read(tmp_path, toml + "[[statics]]\nguest_path = '../../..'\ntigris_bucket = 'b'\n")


def test_a_file_is_read_once(tmp_path: Path) -> None:
    """A file is read once, however often and in whichever spelling it is named."""
    files = NamedFiles(tmp_path, PurePosixPath())
    (tmp_path / "big").write_text("one")
    files.count("big", ())
    (tmp_path / "big").write_text("two")
    files.count("./big", ())
    files.note("x/../big", (), below="")

    assert files.contents == dict.fromkeys(("big", "./big", "x/../big"), sha256("one"))


def test_folders_to_upload_are_few(tmp_path: Path) -> None:
    """The number of folders to upload is limited, as each is searched for links."""
    (found,) = problems_of(tmp_path, "[[statics]]\nguest_path = '.'\n" * 102)

    assert "more than 100 folders to upload" in found


def test_volumes_outside_the_project(tmp_path: Path) -> None:
    """A volume outside the project or without end is refused; other volumes are ignored."""
    volumes = [f"{path}:/x" for path in ("/dev/zero", "/etc/passwd", "/usr", ".", "/nowhere/data")]
    compose = f"services: {{web: {{build: ., volumes: {json.dumps(volumes)}}}}}\n"

    endless, outside = problems_of(tmp_path, "[build.compose]\n", compose_yml=compose)

    assert "`/dev/zero` is not a regular file" in endless
    assert "`/etc/passwd` lies outside the project" in outside
