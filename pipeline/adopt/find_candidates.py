"""Decide which images a repository has.

Its apps say so, its bake and compose files; any other Dockerfile is one image.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..project.image_folders import usual_dockerfile
from ..project.image_names import dockerfile_stem, settings_stem
from .candidate import Candidate
from .choose_context import choose_context
from .dockerfile_facts import arguments_of
from .proposal import Question
from .repository import is_bake, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import PurePosixPath

    from ..dockerfile import Dockerfile
    from ..project.toml_writer import Value
    from .definitions import Target
    from .repository import FlyConfig, Repository

_FOR_DEVELOPERS = frozenset(
    {"dev", "development", "devcontainer", "local", "test", "tests", "ci", "debug", "e2e"}
)
_ENVIRONMENTS = frozenset(
    {"staging", "stage", "dev", "development", "preview", "test", "qa", "uat", "sandbox", "demo"}
)
_PRODUCTION = frozenset({"", "prod", "production", "live"})


class Finder:
    """Collects candidates and questions of one repository."""

    def __init__(self, repository: Repository, targets: Sequence[Target]) -> None:
        self.repository = repository
        self.targets = targets
        self.questions: list[Question] = []
        self.taken: set[PurePosixPath] = set()

    def all(self) -> list[Candidate]:
        """Return the candidates of all Dockerfiles, and of apps with a ready image."""
        found: list[Candidate] = []
        rest: list[tuple[PurePosixPath, Dockerfile]] = []
        # A `fly.toml` makes its folder an image, whichever Dockerfile it names.
        for path, parsed in self.repository.dockerfiles.items():
            configs = [c for c in self.repository.configs if c.dockerfile == path]
            targets = [target for target in self.targets if target.dockerfile == path]
            if configs:
                found += self._by_configs(path, parsed, configs, targets)
            else:
                rest.append((path, parsed))
        for path, parsed in rest:
            targets = [target for target in self.targets if target.dockerfile == path]
            if targets:
                found += self._by_targets(path, parsed, targets)
            elif set(_words(dockerfile_stem(path.name) or "")) & _FOR_DEVELOPERS:
                self._for_developers(path)
            elif not dockerfile_stem(path.name) and path.parent in self.taken:
                self._not_of_folder(path)
            else:
                found.append(self._plain(path, parsed))
        ready = [config for config in self.repository.configs if config.build.image]
        found += [self._of_config(config, None, config.file.parent) for config in ready]
        return found

    def _for_developers(self, path: PurePosixPath) -> None:
        what = "its name says that it is for developers or tests"
        self.questions.append(Question(str(path), what, "left out", f'add "{path}" to `images`'))

    def _not_of_folder(self, path: PurePosixPath) -> None:
        what = "its folder is the image of another Dockerfile"
        other = (
            f'write `dockerfile = "{path.name}"` into `{path.with_name("image.NAME.toml")}`, '
            "and add that to `images`, before its other entries"
        )
        self.questions.append(Question(str(path), what, "left out", other))

    def _plain(self, path: PurePosixPath, parsed: Dockerfile) -> Candidate:
        context = self._context(path, parsed, [path.parent])
        stem = dockerfile_stem(path.name) or ""
        usual = path.name == usual_dockerfile(self.repository.root, path.parent)
        if usual and path.parent not in self.taken:
            self.taken.add(path.parent)
            return Candidate(path.parent, path, context)
        return Candidate(
            path, path, context, is_folder=False, stem=stem or path.name.partition(".")[0]
        )

    def _context(
        self, path: PurePosixPath, parsed: Dockerfile, first: Sequence[PurePosixPath]
    ) -> PurePosixPath:
        context, question = choose_context(self.repository, path, parsed, first)
        self.questions += [question] if question else []
        return context

    def _by_targets(
        self, path: PurePosixPath, parsed: Dockerfile, targets: Sequence[Target]
    ) -> Iterator[Candidate]:
        """Yield an image for each way in which targets build one Dockerfile.

        Bake files go before compose files, which developers use.
        """
        baked = [target for target in targets if is_bake(target.file)]
        declared = arguments_of(parsed)
        ways: dict[object, list[Target]] = {}
        for each in baked or targets:
            args = tuple(sorted(_given(each.args, declared).items()))
            contexts = tuple(sorted(each.contexts.items()))
            way = (each.target, args, each.context, contexts, each.platforms)
            ways.setdefault(way, []).append(each)
        for alike in ways.values():
            one = self._plain(path, parsed) if len(ways) == 1 else self._named(path, alike[0])
            one.context = alike[0].context
            one.targets = tuple(target.name for target in alike)
            one.tags = tuple(tag for target in alike for tag in target.tags)
            for same in alike:
                one.linked.update(same.linked)
            self._say(one, alike[0], declared)
            yield one

    def _named(self, path: PurePosixPath, target: Target) -> Candidate:
        """Return one of several images of a Dockerfile, which has settings of its own."""
        beside = [p for p in self.repository.dockerfiles if p.parent == path.parent]
        of_stem = [p for p in beside if dockerfile_stem(p.name) == target.name]
        # `image.web.toml` is that of `Dockerfile.web`.
        stem = target.name if of_stem in ([], [path]) else f"{target.name}-target"
        place = path.parent / f"image.{stem}.toml"
        one = Candidate(place, path, path.parent, is_folder=False, stem=stem)
        usual = path.name == usual_dockerfile(self.repository.root, path.parent)
        if not usual and path not in of_stem:
            one.keys["dockerfile"] = path.name
        return one

    def _say(self, one: Candidate, target: Target, declared: Mapping[str, object]) -> None:
        if target.target:
            one.keys["target"] = target.target
        if args := _given(target.args, declared):
            one.keys["args"] = args
        if target.platforms not in ((), ("linux/amd64",)):
            one.keys["platforms"] = target.platforms
        if target.secrets:
            one.keys["secrets"] = target.secrets
        if target.contexts:
            one.keys["contexts"] = {
                key: os.path.relpath(path, one.folder) for key, path in target.contexts.items()
            }

    def _by_configs(
        self,
        path: PurePosixPath,
        parsed: Dockerfile,
        configs: Sequence[FlyConfig],
        targets: Sequence[Target],
    ) -> Iterator[Candidate]:
        """Yield an image for each way in which configurations build one Dockerfile."""
        ways: dict[object, list[FlyConfig]] = {}
        for config in configs:
            args = tuple(sorted((k, v.value) for k, v in config.build.args.items()))
            target = config.build.target.value if config.build.target else ""
            ways.setdefault((target, args), []).append(config)
        for alike in ways.values():
            main = min(alike, key=lambda c: (c.word not in _PRODUCTION, c.word in _ENVIRONMENTS))
            first = [main.file.parent, path.parent, *(target.context for target in targets)]
            one = self._of_config(main, path, self._context(path, parsed, first))
            one.targets = tuple(target.name for target in targets)
            one.tags = tuple(tag for target in targets for tag in target.tags)
            for each in targets:
                one.linked.update(each.linked)
            self._other_apps(one, main, [config for config in alike if config is not main])
            yield one

    def _of_config(
        self, config: FlyConfig, path: PurePosixPath | None, context: PurePosixPath
    ) -> Candidate:
        folder, stem = config.file.parent, settings_stem(config.file.name)
        if stem == "" and folder not in self.taken:
            self.taken.add(folder)
            return Candidate(folder, path, context, app=config.app, config=config.file)
        if stem:
            one = Candidate(config.file, path, context, is_folder=False, stem=stem)
        else:  # `fly-web.toml`, which nothing but its name in the settings connects
            stem = config.word or config.file.stem
            place = folder / f"image.{stem}.toml"
            one = Candidate(place, path, context, is_folder=False, stem=stem)
            one.tables["deploy"] = {"config": config.file.name}
        one.app, one.config = config.app, config.file
        return one

    def _other_apps(self, one: Candidate, main: FlyConfig, others: Sequence[FlyConfig]) -> None:
        """Add the apps of other configurations that build the same image."""
        listed = [c for c in others if c.word not in _ENVIRONMENTS and c.app]
        if listed:
            own: list[Value] = [{"name": c.app, "config": _from(one, c)} for c in listed]
            first: list[Value] = [main.app] if main.app else []
            one.tables.setdefault("deploy", {})["apps"] = [*first, *own]
        for config in (c for c in others if c.word in _ENVIRONMENTS):
            table: dict[str, Value] = {"apps": [config.app]} if config.app else {}
            table["config"] = _from(one, config)
            one.tables[f"profiles.{config.word}.deploy"] = table
            self.questions.append(
                Question(
                    str(config.file),
                    f"it builds the same image as `{main.file}`",
                    f"`--profile {config.word}` deploys `{config.app or config.file}`, and "
                    f"without it `{main.app or main.file}` is deployed",
                    f'to deploy both at once, add `{{ name = "{config.app}", config = '
                    f'"{_from(one, config)}" }}` to `apps` under `[deploy]` in `{one.settings}`',
                )
            )


def unknown_definitions(repository: Repository, targets: Sequence[Target]) -> list[Question]:
    """Return a question for targets whose Dockerfile is not there."""
    lost = [target for target in targets if target.dockerfile not in repository.dockerfiles]
    by_file: dict[PurePosixPath, list[Target]] = {}
    for target in lost:
        by_file.setdefault(target.dockerfile, []).append(target)
    return [
        Question(
            str(own[0].file),
            f"there is no `{path}`, which {named(target.name for target in own)} would build",
            "left out",
            f'write it, and add "{path}" to `images`',
        )
        for path, own in by_file.items()
    ]


def unlisted(targets: Sequence[Target], candidates: Sequence[Candidate]) -> list[Question]:
    """Return a question if definitions build some Dockerfiles, and others are images as well."""
    others = [one.dockerfile for one in candidates if one.dockerfile and not one.targets]
    if not targets or not others:
        return []
    file = targets[0].file
    what = f"it does not build {named(others)}"
    if len(others) == 1:
        chosen, other = "it is an image: `build-all` builds it, too", "take it out of `images`"
    else:
        chosen = "they are images: `build-all` builds them, too"
        other = "take those that nobody needs out of `images`"
    return [Question(str(file), what, chosen, other)]


def _given(args: Mapping[str, str], declared: Mapping[str, object]) -> dict[str, str]:
    """Return the arguments that the Dockerfile declares, with another value than its default."""
    return {key: value for key, value in args.items() if declared.get(key, value) != value}


def _from(one: Candidate, config: FlyConfig) -> str:
    return os.path.relpath(config.file, one.folder)


def _words(stem: str) -> list[str]:
    return stem.lower().replace("-", ".").replace("_", ".").split(".")
