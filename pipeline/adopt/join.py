"""Join the images whose Dockerfiles name others by references of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dockerfile import given_repositories
from ..reference import Platform
from .dockerfile_facts import arguments_of
from .proposal import Question
from .references import FLY, common_forms, depends, form_of, meant_by_tag, meant_by_words, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import PurePosixPath

    from ..dockerfile import Dockerfile
    from ..model.image import External, Image
    from ..model.project import Project
    from .candidate import Candidate

_LINUX = Platform("linux", "amd64")


class Joiner:
    """Finds the images that externals mean, and binds arguments to them."""

    def __init__(
        self,
        project: Project,
        candidates: Sequence[Candidate],
        dockerfiles: Mapping[PurePosixPath, Dockerfile],
    ) -> None:
        self.project = project
        self.by_name = {one.name: one for one in candidates}
        self.dockerfiles = dockerfiles
        self.questions: list[Question] = []
        self.graph = {str(i.name): [str(b) for b in i.base_names] for i in project}
        written = [e.written for image in project for e in image.externals]
        self.forms = common_forms(written, list(self.by_name))

    def check_links(self) -> None:
        """Ask about contexts of bake and compose files that are targets, and no base here."""
        by_target = {target: one for one in self.by_name.values() for target in one.targets}
        for one in self.by_name.values():
            for name, target in one.linked.items():
                base = by_target.get(target)
                if base and base.name not in self.graph[one.name]:
                    self.questions.append(
                        Question(
                            str(one.dockerfile),
                            f"`{name}` is the target `{target}` there, which is `{base.name}` here",
                            f"`{name}` is an image of the registry",
                            f"write `{base.name}` in place of `{name}` in the Dockerfile",
                        )
                    )

    def join(self) -> bool:
        """Bind what is sure; ask about the rest. Return whether anything was bound."""
        bound = False
        unknown: dict[str, list[External]] = {}
        for image in self.project:
            for external in image.externals:
                meant, sure = self._meant(image, external.written)
                if meant is None:
                    unknown.setdefault(external.written, []).append(external)
                elif sure and (arg := self._argument(image, external.written)):
                    one = self.by_name[str(image.name)]
                    one.tables.setdefault("bases", {})[arg] = meant.name
                    self.graph[str(image.name)].append(meant.name)
                    bound = True
                else:
                    self._ask(external, meant)
        self._offer(unknown)
        return bound

    def _meant(self, image: Image, written: str) -> tuple[Candidate | None, bool]:
        """Return the image that a reference means, and whether that is sure."""
        others = [one for name, one in self.by_name.items() if name != image.name]
        named = form_of(written, self.by_name)
        by_form = self.by_name[named[1]] if named else None
        found = meant_by_tag(written, others) or meant_by_words(written, others)
        sure = found is not None or bool(named and self.forms[named[0]] > 1)
        meant = found or by_form
        if meant is None or depends(self.graph, meant.name, str(image.name)):
            return None, False
        return meant, sure

    def _argument(self, image: Image, written: str) -> str:
        """Return the argument whose value is the whole repository of a reference."""
        parsed = self.dockerfiles.get(image.dockerfile)
        reference = read(written)
        if parsed is None or reference is None:
            return ""
        values = [written, written.rpartition("@")[0], written.rpartition(":")[0]]
        for arg in arguments_of(parsed):
            for value in filter(None, values):
                found = given_repositories(
                    parsed,
                    target=image.target,
                    args={**image.args},
                    names={arg: value},
                    platform=_LINUX,
                )
                if written in found:
                    return arg
        return ""

    def _ask(self, external: External, meant: Candidate) -> None:
        self.questions.append(
            Question(
                str(external.location),
                f"`{external.written}` may be the image `{meant.name}` of `{meant.place}`",
                "it is an image of the registry",
                f"if it is `{meant.name}`, write `FROM {meant.name}`",
            )
        )

    def _offer(self, unknown: Mapping[str, Sequence[External]]) -> None:
        """Offer as a base what several Dockerfiles name, or what Fly's registry has."""
        repositories: dict[str, list[External]] = {}
        for externals in unknown.values():
            reference = externals[0].reference
            host, path = reference.repository.host, reference.repository.path
            private = host == FLY or (host != "docker.io" and self._is_own(host, path))
            if private:
                repositories.setdefault(f"{host}/{path}", []).extend(externals)
        for repository, externals in repositories.items():
            if len(externals) < 2 and not repository.startswith(f"{FLY}/"):
                continue
            name, more = self._name_of(repository)
            self.questions.append(
                Question(
                    str(externals[0].location),
                    f"`{repository}` is named by {_times(len(externals))}, and no Dockerfile here "
                    "makes it",
                    "it is an image of the registry; `invoke lock` pins it",
                    f"to build it here, put its Dockerfile into a folder `{name}`, and add that to "
                    f"`images`{more}",
                )
            )

    def _name_of(self, repository: str) -> tuple[str, str]:
        """Return the image that would be pushed there, and what else to write; nothing if so."""
        registry = self.project.settings.registry
        before, _, after = f"{registry.host}/{registry.repository}".partition("{name}")
        own = repository.removeprefix(before).removesuffix(after)
        if f"{before}{own}{after}" == repository and "/" not in own:
            return own, ""
        name = repository.rpartition("/")[2]
        return name, f"; write `FROM {name}`"

    def _is_own(self, host: str, path: str) -> bool:
        """Return whether images of the project have the same owner in that registry."""
        owner = path.partition("/")[0]
        tags = [known for one in self.by_name.values() for tag in one.tags if (known := read(tag))]
        return any(
            t.repository.host == host and t.repository.path.startswith(f"{owner}/") for t in tags
        )


def _times(count: int) -> str:
    return "one Dockerfile" if count == 1 else f"{count} Dockerfiles"
