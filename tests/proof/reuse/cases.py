"""A base, what depends on it, and the changes of the base that are judged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

Files = Mapping[str, str]

DOCKERFILE = "images/os/Dockerfile"
BASE: Files = {
    DOCKERFILE: """\
FROM debian:bookworm-slim AS tools
RUN printf tool > /tool && touch -d @0 /tool

FROM debian:bookworm-slim
ARG UNUSED=1
ENV WHERE=a.txt COLOUR=blue
ENV MORE=more
LABEL one=1 two=2
COPY srv /srv/
COPY other /other
COPY --from=tools /tool /tool
RUN printf made > /made && touch -d @0 /made
RUN mkdir -p /out && chmod 777 /out
WORKDIR /out
CMD ["sh"]
""",
    "images/os/srv/one.txt": "one",
    "images/os/srv/two.txt": "two",
    "images/os/other": "other",
    "images/os/another": "other",
    "images/os/note.txt": "note",
}
# BuildKit 0.34 sets `TRACEPARENT` and `OTEL_…` in a step, the first to another value in each build.
SEEN = (
    "(env | grep -v -e ^TRACEPARENT= -e ^OTEL_ | sort; id; pwd; umask; "
    "cat /srv/* /other /made /tool; "
    "find /srv /other /made /tool -printf '%p %m %u %s %l\\n' | sort) > /out/seen"
)
DEPENDENTS: Mapping[str, Files] = {
    "plain": {"Dockerfile": "FROM os\n"},
    "copies": {"Dockerfile": "FROM os\nCOPY own.txt ./\n"},
    "runs": {"Dockerfile": f"FROM os\nRUN {SEEN}\n"},
    "labels": {"Dockerfile": 'FROM os\nLABEL mine=1\nENV COLOUR="${COLOUR}er"\n'},
    "takes": {"Dockerfile": "FROM scratch\nCOPY --from=os /srv /srv\n"},
    "takes-one": {"Dockerfile": "FROM scratch\nCOPY --from=os /srv/two.txt /\n"},
    "mounts": {
        "Dockerfile": "FROM debian:bookworm-slim\n"
        "RUN --mount=from=os,target=/os mkdir /out && cat /os/srv/* /os/other > /out/seen\n"
    },
    "stages": {
        "Dockerfile": f"FROM os AS first\nRUN {SEEN}\nFROM first AS second\nCOPY own.txt ./\n"
        "FROM scratch\nCOPY --from=second /out /out\n"
    },
    "by-variable": {"Dockerfile": "FROM os\nCOPY $WHERE ./\n"},
    "below": {"Dockerfile": "FROM copies\nCOPY own.txt ./below.txt\n"},
    "below-all": {"Dockerfile": "FROM runs\nCOPY --from=takes /srv /again\nCOPY own.txt ./\n"},
}
OWN: Files = {"own.txt": "own", "a.txt": "a", "b.txt": "b", "note.txt": "its own note"}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the base's files, and what happens to the builder before the next run.

    `same` says that the base contains the same afterwards, so that all must be reused.
    """

    name: str
    apply: Callable[[dict[str, str]], None]
    same: bool = False


def _dockerfile(before: str, after: str) -> Callable[[dict[str, str]], None]:
    def apply(files: dict[str, str]) -> None:
        assert before in files[DOCKERFILE], before
        files[DOCKERFILE] = files[DOCKERFILE].replace(before, after)

    return apply


def _file(path: str, text: str | None) -> Callable[[dict[str, str]], None]:
    def apply(files: dict[str, str]) -> None:
        if text is None:
            del files[f"images/os/{path}"]
        else:
            files[f"images/os/{path}"] = text

    return apply


def _add(line: str) -> Callable[[dict[str, str]], None]:
    return _dockerfile("CMD [", f"{line}\nCMD [")


_RUN = "RUN printf made > /made && touch -d @0 /made"
CHANGES: tuple[Change, ...] = (
    Change("nothing but the salt", _file("image.toml", 'salt = "1"\n'), same=True),
    Change("comment", _dockerfile("COPY srv", "# why\nCOPY srv"), same=True),
    Change(
        "comment inside RUN", _dockerfile("&& touch -d @0 /made", "\\\n# why\n&& touch -d @0 /made")
    ),
    Change("blank lines", _dockerfile("COPY srv", "\n\nCOPY srv"), same=True),
    Change("blanks inside COPY", _dockerfile("COPY other /other", "COPY  other   /other")),
    Change("small letters", _dockerfile("COPY other", "copy other"), same=True),
    Change(
        "a stage that is not used",
        _dockerfile(
            "FROM debian:bookworm-slim\nARG",
            "FROM scratch AS x\nCOPY note.txt /\nFROM debian:bookworm-slim\nARG",
        ),
        same=True,
    ),
    Change("a name of a stage", _dockerfile("tools", "toolbox")),
    Change(
        "a comment in the first stage",
        _dockerfile("RUN printf tool", "# why\nRUN printf tool"),
        same=True,
    ),
    Change("an argument that is not used", _dockerfile("ARG UNUSED=1", "ARG UNUSED=2")),
    Change("an argument more", _dockerfile("ARG UNUSED=1", "ARG UNUSED=1\nARG OTHER=3")),
    Change("labels in another order", _dockerfile("one=1 two=2", "two=2 one=1")),
    Change("quotes around a label", _dockerfile("one=1", 'one="1"')),
    Change("the value of a label", _dockerfile("one=1", "one=2")),
    Change("another label", _add("LABEL three=3")),
    Change("no label", _dockerfile("LABEL one=1 two=2\n", "")),
    Change("a new file", _file("srv/three.txt", "three")),
    Change("the content of a file", _file("srv/one.txt", "ONE")),
    Change("the content of a file, of the same size", _file("srv/two.txt", "owt")),
    Change("a file is gone", _file("srv/one.txt", None)),
    Change("another file is copied", _dockerfile("COPY other", "COPY note.txt")),
    Change("another file of the same content", _dockerfile("COPY other", "COPY another")),
    Change(
        "another destination",
        _dockerfile("COPY other /other", "COPY other /other\nCOPY other /srv/other"),
    ),
    Change(
        "COPY in another order",
        _dockerfile("COPY srv /srv/\nCOPY other /other", "COPY other /other\nCOPY srv /srv/"),
    ),
    Change("ADD for COPY", _dockerfile("COPY other", "ADD other")),
    Change("--chmod", _dockerfile("COPY other", "COPY --chmod=600 other")),
    Change("--chown", _dockerfile("COPY other", "COPY --chown=1:1 other")),
    Change("the value of a variable", _dockerfile("COLOUR=blue", "COLOUR=red")),
    Change("a variable that names a source", _dockerfile("WHERE=a.txt", "WHERE=b.txt")),
    Change("another variable", _add("ENV LATE=late")),
    Change("no variable", _dockerfile("ENV MORE=more\n", "")),
    Change(
        "variables in another order",
        _dockerfile("WHERE=a.txt COLOUR=blue", "COLOUR=blue WHERE=a.txt"),
    ),
    Change("one ENV for two", _dockerfile("COLOUR=blue\nENV MORE=more", "COLOUR=blue MORE=more")),
    Change("PATH", _add("ENV PATH=/srv:$PATH")),
    Change("USER", _add("USER 1000")),
    Change("USER by its name", _add("USER root")),
    Change("WORKDIR", _dockerfile("WORKDIR /out\n", "WORKDIR /out\nWORKDIR /out/deep\n")),
    Change("ENTRYPOINT", _add('ENTRYPOINT ["env"]')),
    Change("CMD", _dockerfile('CMD ["sh"]', 'CMD ["sh", "-e"]')),
    Change("CMD by a shell", _dockerfile('CMD ["sh"]', "CMD sh")),
    Change("EXPOSE", _add("EXPOSE 80")),
    Change("VOLUME", _add("VOLUME /data")),
    Change("STOPSIGNAL", _add("STOPSIGNAL SIGQUIT")),
    Change("SHELL", _add('SHELL ["/bin/bash", "-c"]')),
    Change("HEALTHCHECK", _add("HEALTHCHECK CMD true")),
    Change("ONBUILD with a file of the dependent", _add("ONBUILD COPY note.txt /note.txt")),
    Change("ONBUILD without a file", _add("ONBUILD ENV BORN=1")),
    Change("MAINTAINER", _add("MAINTAINER me")),
    Change("RUN with other output", _dockerfile("printf made", "printf MADE")),
    Change("RUN with the same output by other words", _dockerfile("printf made", "echo -n made")),
    Change("RUN that changes nothing", _add("RUN true")),
    Change(
        "RUN by another user",
        _dockerfile(_RUN, f"USER daemon\nRUN id > /out/id || true\nUSER root\n{_RUN}"),
    ),
    Change("two RUN for one", _dockerfile(" && touch -d @0 /made", "\nRUN touch -d @0 /made")),
    Change("RUN removes what was copied", _add("RUN rm /other && printf other > /other")),
    Change("a link for a file", _add("RUN ln -sf one.txt /srv/two.txt")),
    Change("permission bits", _add("RUN chmod 400 /other")),
    Change("an owner", _add("RUN chown 1:1 /other")),
    Change("an empty folder", _add("RUN mkdir /empty")),
    Change("a tool of another stage", _dockerfile("printf tool", "printf TOOL")),
    Change("a heredoc for a file", _dockerfile("COPY other /other", "COPY <<E /other\nother\nE")),
    Change(
        "everything at once",
        _dockerfile(
            "FROM debian:bookworm-slim\nARG UNUSED=1\n",
            "FROM debian:bookworm-slim\nUSER root\nENV A=1\n",
        ),
    ),
)


def project(
    change: Change | None = None, names: Collection[str] = DEPENDENTS.keys()
) -> dict[str, str]:
    """Return the files of the project, with a change of its base and some dependents."""
    files = dict(BASE)
    if change:
        change.apply(files)
    for name in names:
        own = DEPENDENTS[name]
        files |= {f"images/{name}/{path}": text for path, text in {**OWN, **own}.items()}
    return files
