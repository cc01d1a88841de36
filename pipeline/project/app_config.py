"""An app's configuration as flyctl reads it: TOML, or by the ending of its name JSON or YAML.

flyctl `internal/appconfig/serde.go`: a name that ends with `.json` is JSON, one with `.yaml` YAML,
and any other TOML, `.yml` too. Where none is named it takes the first that is there of `FILES`
(`internal/command/command.go`, `appConfigFilePaths`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .json_text import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping


FILES = ("fly.toml", "fly.json", "fly.yaml")


def language(name: str) -> str:
    """Say what a file of that name is read as: `TOML`, `JSON` or `YAML`.

    >>> language("fly.toml"), language("fly.yaml"), language("fly.yml")
    ('TOML', 'YAML', 'TOML')
    """
    if name.endswith(".json"):
        return "JSON"
    return "YAML" if name.endswith(".yaml") else "TOML"


def naming(file: str, app: str) -> str:
    """The line that names an app, in the language of that file.

    >>> naming("fly.toml", "web"), naming("fly.json", "web")
    ('app = "web"', '"app": "web"')
    """
    lines = {"TOML": f'app = "{app}"', "JSON": f'"app": "{app}"', "YAML": f"app: {app}"}
    return lines[language(file)]


def parse_app_config(text: str, name: str) -> Mapping[str, object]:
    """Read the text of a file of that name; an empty YAML file has no keys.

    Raises `ConfigTextError`, and for TOML tomli's own `ValueError`.
    """
    kind = language(name)
    if kind == "TOML":
        import tomli  # noqa: PLC0415 - not needed for `invoke --list`

        return tomli.loads(text)
    if kind == "JSON":
        return read_json(text)
    from .yaml_text import read_yaml  # noqa: PLC0415 - for those who have it

    return read_yaml(text).data
