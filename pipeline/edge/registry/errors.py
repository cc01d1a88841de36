"""What goes wrong between us and a registry.

* UnknownError
  - RegistryError: refused, unreachable, in trouble, or no registry at all: nothing was learnt
    + CredentialError: docker's configuration or a credential helper could not be read
    + ContradictionError: HEAD says that something exists, and GET that it does not
* WorkError
  - AbsentError: the registry knows us, and says that what was asked for does not exist
  - KeptTagError: the registry overwrites no tag, and there is one of that name
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import UnknownError, WorkError

if TYPE_CHECKING:
    from pipeline.core.reference import Reference


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a failure besides its sentence.

    `url` has no query and no user; `codes` are the specification's (`DENIED`, `UNAUTHORIZED`);
    `passing` says that the same request may succeed later; `unreachable` that the host, and not
    this one request, is the trouble; `proxy` that it is the proxy before it; `forbidden` that its
    address is none that we go to; `retry_after` is in seconds.
    """

    status: int | None = None
    url: str = ""
    codes: tuple[str, ...] = ()
    passing: bool = False
    unreachable: bool = False
    retry_after: float | None = None
    proxy: bool = False
    forbidden: bool = False


class RegistryError(UnknownError):
    """Something could not be found out from, or be done on, a registry; never means "absent".

    Holds no secret: neither text, attributes nor traceback show a credential.
    """

    def __init__(self, message: str, *, hint: str = "", facts: Facts | None = None) -> None:
        super().__init__(message, hint=hint)
        self.facts = facts or Facts()

    @property
    def status(self) -> int | None:
        """The HTTP status that the registry answered, `None` where it did not answer."""
        return self.facts.status

    @property
    def url(self) -> str:
        """What was asked, without query and user."""
        return self.facts.url

    @property
    def codes(self) -> tuple[str, ...]:
        """The error codes of the distribution specification that the answer named."""
        return self.facts.codes


class CredentialError(RegistryError):
    """A credential is configured, and could not be read."""


class ContradictionError(RegistryError):
    """HEAD says that something exists, and GET that it does not: nobody knows."""

    def __init__(self, reference: Reference, hint: str, facts: Facts | None = None) -> None:
        super().__init__(
            f"`{reference}` is there by HEAD, and not there by GET", hint=hint, facts=facts
        )


class AbsentError(WorkError):
    """What was to be fetched does not exist: an authenticated 404, and no fault."""

    def __init__(self, reference: Reference) -> None:
        super().__init__(f"`{reference}` does not exist", hint="build it first: `invoke build-all`")
        self.reference = reference


class KeptTagError(WorkError):
    """A tag was to be put on another manifest, and its registry keeps tags as they are."""

    def __init__(self, reference: Reference, said: str) -> None:
        super().__init__(
            f"`{reference}` exists, and its registry lets no tag be overwritten{said}",
            hint="delete the tag there, allow it to be overwritten, or use another: a change of "
            "`salt` in image.toml makes another of an image's own",
        )
        self.reference = reference
