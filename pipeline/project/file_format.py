"""Read an app's configuration as flyctl does: TOML, or by the ending of its name JSON or YAML.

flyctl `internal/appconfig/serde.go`: a name that ends with `.json` is JSON, one with `.yaml` YAML,
and any other TOML, `.yml` too. If none is named, it takes the first of `FILES` that exists
(`internal/command/command.go`, `appConfigFilePaths`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .positions import Positions


FILES = ("fly.toml", "fly.json", "fly.yaml")


def language(name: str) -> str:
    """Return what a file of that name is read as: `TOML`, `JSON` or `YAML`.

    >>> language("fly.toml"), language("fly.yaml"), language("fly.yml")
    ('TOML', 'YAML', 'TOML')
    """
    if name.endswith(".json"):
        return "JSON"
    return "YAML" if name.endswith(".yaml") else "TOML"


def app_line(file: str, app: str) -> str:
    """Return the line that names an app, in the language of that file.

    >>> app_line("fly.toml", "web"), app_line("fly.json", "web")
    ('app = "web"', '"app": "web"')
    """
    lines = {"TOML": f'app = "{app}"', "JSON": f'"app": "{app}"', "YAML": f"app: {app}"}
    return lines[language(file)]


def parse_app_config(text: str, name: str) -> Mapping[str, object]:
    """Parse the text of a file of that name; an empty YAML file has no keys.

    Raises `ConfigTextError`, and for TOML tomli's own `ValueError`.
    """
    kind = language(name)
    if kind == "TOML":
        import tomli  # noqa: PLC0415 - not needed for `invoke --list`

        return tomli.loads(text)
    if kind == "JSON":
        from .json_file import parse_json  # noqa: PLC0415 - only for those who have such a file

        return parse_json(text)
    from .yaml_file import parse_yaml  # noqa: PLC0415 - only for those who have such a file

    return parse_yaml(text).data


def find_positions(text: str, name: str = "") -> Positions:
    """Find the position of every key and value of the file of that name."""
    kind = language(name)
    if kind == "JSON":
        from .json_file import json_positions  # noqa: PLC0415 - as above

        return json_positions(text)
    if kind == "YAML":
        from .yaml_file import parse_yaml  # noqa: PLC0415 - only for those who have such a file

        return parse_yaml(text).positions
    from .toml_file import toml_positions  # noqa: PLC0415 - only when there is an error to locate

    return toml_positions(text)
