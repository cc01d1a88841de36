"""The table of drivers: places to deploy to, one module each."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from ..model.settings import DriverName

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from ..registry.auth.credential import CredentialSource
    from .protocol import Driver


class OpenDriver(Protocol):
    """Open a driver for one run; its connections are closed at the end."""

    def __call__(
        self,
        environ: Mapping[str, str],
        credentials: CredentialSource,
        stop: threading.Event,
        org: str,
        /,
    ) -> AbstractContextManager[Driver]:
        """Connect. `stop` is set when the user wants no more waiting.

        `org` is the settings' organization, empty where they name none.

        Raises `UnknownError` where the place cannot be reached.
        """


DRIVERS = {
    DriverName.DOCKER: "docker.driver",
    DriverName.FLY: "fly.driver",
}
"""The module of each driver, whose `open_driver` is an `OpenDriver`."""


def opener(name: DriverName) -> OpenDriver:
    """Import the driver of that name, and no other: each brings a client of its own."""
    module = import_module(f".{DRIVERS[name]}", __package__)
    return cast("OpenDriver", module.open_driver)
