"""The docker package's client, without the logins in the user's docker configuration.

The package reads all of `config.json` when a client is made, and fails at the first `auth` that it
cannot decode, whichever host that is for. This software finds credentials itself, and hands over
the right one with each pull and push.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docker import APIClient, DockerClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = dict[str, object]


class Api(APIClient):
    """The package's API client, which keeps nothing of the configuration that concerns a login."""

    _kept: Json

    @property
    def _general_configs(self) -> Json:
        return self._kept

    @_general_configs.setter
    def _general_configs(self, read: object) -> None:
        """Keep proxies for containers and headers for the engine, where they have docker's form."""
        known = read if isinstance(read, dict) else {}
        proxies = _section(known, "proxies")
        self._kept = {
            # A login for a host that cannot be: without any, the package reads the file again.
            "auths": {"host.invalid": {}},
            "proxies": {name: _texts(_section(proxies, name)) for name in proxies},
            "HttpHeaders": _texts(_section(known, "HttpHeaders")),
        }


class Engine(DockerClient):
    """The package's client, on top of `Api`."""

    def __init__(self, **settings: Any) -> None:
        self.api = Api(**settings)


def _section(values: Json, name: str) -> Json:
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: text for name, text in values.items() if isinstance(text, str)}
