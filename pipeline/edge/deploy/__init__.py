"""Places to deploy to: one file each, and one line in `DRIVERS`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipeline.core.model import DriverName
from pipeline.edge.deploy import docker, fly

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from pipeline.core.apps import Driver
    from pipeline.edge.registry import CredentialSource


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


DRIVERS: dict[DriverName, OpenDriver] = {
    DriverName.DOCKER: docker.open_driver,
    DriverName.FLY: fly.open_driver,
}
