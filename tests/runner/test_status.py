"""What apps run, asked of a driver that may not know of some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import UnknownError
from pipeline.model.apps import App, Running
from pipeline.reference import ImageName
from pipeline.runner.status import AT_ONCE, ask
from tests.support.memory_driver import PlainDriver, digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

APPS = [App(f"web-{n}", ImageName("web")) for n in range(3 * AT_ONCE)]
NOW = Running(digest(1), "1")


class Guarded(PlainDriver):
    """A driver that some apps are kept from: asked for one of them, it knows nothing at all."""

    def __init__(self, hidden: set[str]) -> None:
        super().__init__({app.name: [NOW] for app in APPS})
        self.hidden = hidden

    def running(self, apps: Sequence[App], /) -> Mapping[str, Running | None]:
        """What runs, unless one may not be looked at."""
        with self.lock:
            self.asked.append(",".join(app.name for app in apps))
        for app in apps:
            if app.name in self.hidden:
                raise UnknownError(f"`{app.name}` is of another organization")
        return super().running(apps)


def test_all_are_asked_for_together() -> None:
    """Where all is well, a driver is asked once."""
    driver = Guarded(set())

    assert dict(ask(driver, APPS)) == {app.name: NOW for app in APPS}
    assert len(driver.asked) == 1


def test_one_that_is_kept_from_us_hides_no_other() -> None:
    """It alone is unknown, with its own reason."""
    found = ask(Guarded({"web-7"}), APPS)

    lost = {name: answer for name, answer in found.items() if answer != NOW}
    assert [(name, str(error)) for name, error in lost.items()] == [
        ("web-7", "`web-7` is of another organization")
    ]


def test_a_place_that_is_gone_is_not_asked_for_each() -> None:
    """After a round in which nothing answered, the rest is left; all are told of."""
    driver = Guarded({app.name for app in APPS})

    found = ask(driver, APPS)

    assert len(found) == len(APPS)
    assert all(isinstance(answer, UnknownError) for answer in found.values())
    assert len(driver.asked) == 1 + AT_ONCE
