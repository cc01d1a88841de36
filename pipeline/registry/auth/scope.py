"""Read a repository that does not exist yet with the scope of a push, where `pull` is refused.

Quay answers 401 to a token for `pull`, and 404 to one for `pull,push` (its `v2auth.py`); Docker Hub
answers 401 to the first.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...http.response import Response


class ReadScopes:
    """The scopes by which the repositories of one host can be read. Thread-safe.

    `is_pushed` returns whether we push to a repository, by its path.
    """

    def __init__(self, is_pushed: Callable[[str], bool]) -> None:
        self._is_pushed = is_pushed
        self._lock = Lock()
        self._under_way: dict[str, Lock] = {}
        self._found: dict[str, str] = {}

    def of(self, scope: str) -> str:
        """Return the scope to ask for instead of `scope`: that of a push where `pull` was refused.

        >>> ReadScopes(lambda path: True).of("repository:acme/web:pull")
        'repository:acme/web:pull'
        """
        return self._found.get(scope, scope)

    def retry_wider(
        self, refused: Response, scope: str, ask: Callable[[str], Response | None]
    ) -> Response:
        """Repeat a request that was `refused` with the wider scope of a push, if we push there.

        `ask` sends it with a wider scope, and returns `None` where there is no token for that. For
        each repository this is tried by one request at a time, and not again once the wider scope
        was refused as well.
        """
        if refused.status != 401 or not refused.own or not self._may_widen(scope):
            return refused
        wider = f"{scope},push"
        with self._lock:
            alone = self._under_way.setdefault(scope, Lock())
        with alone:
            if self._found.get(scope) == scope:
                return refused
            answer = ask(wider) or refused
            if answer.status != 401:
                self._found[scope] = wider
            return answer if self._found.setdefault(scope, scope) == wider else refused

    def _may_widen(self, scope: str) -> bool:
        kind, _, rest = scope.partition(":")
        path, _, actions = rest.rpartition(":")
        return kind == "repository" and actions == "pull" and self._is_pushed(path)
