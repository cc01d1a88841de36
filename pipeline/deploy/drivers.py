"""The table of drivers. Each is a module that deploys to one kind of place."""

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
    """Opens a driver for one run, and closes its connections at the end."""

    def __call__(
        self,
        environ: Mapping[str, str],
        credentials: CredentialSource,
        stop: threading.Event,
        org: str,
        /,
    ) -> AbstractContextManager[Driver]:
        """Open the driver. `stop` is set when the user wants no more waiting.

        `org` is the organization of the settings, empty if they name none.
        Raises `UnknownError` if the place cannot be reached.
        """


DRIVERS = {
    DriverName.DOCKER: "docker.driver",
    DriverName.FLY: "fly.driver",
}
"""The module of each driver; its `open_driver` is an `OpenDriver`."""


def opener(name: DriverName) -> OpenDriver:
    """Import a driver, and no other, since each needs a client; return its `open_driver`."""
    module = import_module(f".{DRIVERS[name]}", __package__)
    return cast("OpenDriver", module.open_driver)
