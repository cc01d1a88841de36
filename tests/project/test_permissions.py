"""Which permissions a project's settings need: a table."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pipeline.model.cache import parse_cache
from pipeline.model.permission import Allowed, Need, parse_allowed
from pipeline.model.secret import is_credential
from pipeline.model.settings import BuildSettings, RegistrySettings, Settings
from pipeline.project.permissions import Requirement, image_needs, settings_needs
from pipeline.reference import ImageName
from tests.support.small_projects import image_of

NAMES = (ImageName("api"), ImageName("web"))
REGISTRY = RegistrySettings("r.test", "acme-{name}")
SHARED = RegistrySettings("r.test", "acme", "{name}-{fingerprint}")
NOTHING = ""


def permission_for(wanted: Requirement) -> str:
    """Return the permission that is needed, and the folder to which its path is relative."""
    return f"{wanted.base}/{wanted.need}" if wanted.base else str(wanted.need)


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ("id=t,env=NPM_TOKEN", NOTHING),
        ("id=NPM_TOKEN", NOTHING),
        ("id=t,env=FLY_API_TOKEN", "secret=FLY_API_TOKEN"),
        ("ID=t,ENV=FLY_ACCESS_TOKEN,required=false", "secret=FLY_ACCESS_TOKEN"),
        ("id=t,type=env,src=FLY_API_TOKEN", "secret=FLY_API_TOKEN"),
        ("id=FLY_API_TOKEN,type=env", "secret=FLY_API_TOKEN"),
        ("id=FLY_API_TOKEN", "secret=FLY_API_TOKEN"),
        ("id=t,env=NPM_TOKEN,env=FLY_API_TOKEN", "secret=FLY_API_TOKEN"),
        ("id=t,env=FLY_API_TOKEN,src=file", "secret=FLY_API_TOKEN"),
        ("id=t,env=DOCKER_AUTH_CONFIG", "secret=DOCKER_AUTH_CONFIG"),
        ("id=t,src=key", "app/fs.read=key"),
        ("id=t,source=/etc/shadow,type=file", "app/fs.read=/etc/shadow"),
        ("id=../../key", "app/fs.read=../../key"),
        ("id=FLY_API_TOKEN,type=file", "app/fs.read=FLY_API_TOKEN"),
    ],
)
def test_secrets(entry: str, word: str) -> None:
    """Variables for builds need none; each file needs a path permission."""
    image = replace(image_of("FROM scratch\n"), secrets=(entry,))

    found = [permission_for(one) for one in image_needs(image, {"NPM_TOKEN", "FLY_API_TOKEN"})]

    assert found == ([word] if word else [])


@pytest.mark.parametrize(
    ("name", "credential"),
    [
        ("FLY_API_TOKEN", True),
        ("FLY_ACCESS_TOKEN", True),
        ("FLY_API_TOKEN_STAGING", True),
        ("FLY_TOKEN", True),
        ("DOCKER_AUTH_CONFIG", True),
        ("DOCKERHUB_TOKEN", True),
        ("CI_REGISTRY_PASSWORD", True),
        ("CI_JOB_TOKEN", True),
        ("ACTIONS_RUNTIME_TOKEN", True),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", True),
        ("AWS_SESSION_TOKEN", True),
        ("CI_REPOSITORY_URL", True),
        ("CI_DEPENDENCY_PROXY_PASSWORD", True),
        ("BUILDKITE_AGENT_ACCESS_TOKEN", True),
        ("CIRCLE_OIDC_TOKEN_V2", True),
        ("CLOUDSDK_AUTH_ACCESS_TOKEN", True),
        ("CI_PROJECT_URL", False),
        ("FLY_APP", False),
        ("MY_FLY_TOKEN", False),
        ("GITHUB_TOKEN", False),
        ("NPM_TOKEN", False),
        ("fly_api_token", False),
    ],
)
def test_variables_with_credentials(name: str, *, credential: bool) -> None:
    """Variables with credentials of Fly, docker or CI need one; others do not."""
    assert is_credential(name) is credential


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ("default", ["ssh"]),
        ("default=", ["ssh"]),
        ("default=,/keys/a", ["ssh"]),
        ("deploy=/keys/a,keys/b,~/c", ["fs.read=/keys/a", "fs.read=./keys/b", "fs.read=./~/c"]),
        ("default=/run/agent.sock", ["fs.read=/run/agent.sock"]),
    ],
)
def test_ssh(entry: str, found: list[str]) -> None:
    """The agent is one permission; keys and other sockets are paths."""
    image = replace(image_of("FROM scratch\n"), ssh=(entry,))

    assert [permission_for(one) for one in image_needs(image, set())] == found


@pytest.mark.parametrize(
    ("entry", "reading", "writing"),
    [
        ("type=inline", NOTHING, NOTHING),
        ("type=gha,scope=web", NOTHING, NOTHING),
        ("type=gha,url=https://evil.test/", "cache=gha/https://evil.test/", None),
        ("type=gha,URL_V2=https://evil.test", "cache=gha/https://evil.test", None),
        ("type=gha,url=", NOTHING, NOTHING),
        ("type=local,src=/in,dest=/out", "fs.read=/in", "fs.write=/out"),
        ("type=local,src=~/c,dest=~/c", "fs.read=./~/c", "fs.write=./~/c"),
        ('type=local,"src=/a,b","dest=/a,b"', "fs.read=/a,b", "fs.write=/a,b"),
        ("type=local,dest=/ok,Dest=/c,SRC=/c", "fs.read=/c", "fs.write=/c"),
        ("type=local,src=/c/{name},dest=/c/{name}", "fs.read=/c", "fs.write=/c"),
        ("type=local,src=/{name},dest=/{name}", "fs.read=/api", "fs.write=/api"),
        ("type=local,src=/c/x-{name},dest=/c/x-{name}/y", "fs.read=/c", "fs.write=/c"),
        ("type=registry,ref=r.test/acme-web:cache", "repository=r.test/acme-web", None),
        ("type=registry,ref=r.test/acme-{name}:cache", NOTHING, NOTHING),
        ("r.test/acme-{name}:cache", NOTHING, NOTHING),
        ("r.test/acme-{name}:cache,r.test/other", "repository=r.test/other", None),
        ("type=registry,ref=r.test/acme-web-2", "repository=r.test/acme-web-2", None),
        ("type=registry,ref=r.test:444/acme-web", "repository=r.test:444/acme-web", None),
        ("type=registry,ref=acme/cache:{name}", "repository=docker.io/acme/cache", None),
        ("type=registry,ref=r.test/c/{name}", "repository=r.test/c/{name}", None),
        (
            "type=registry,ref=r.test/acme-{name},registry.insecure=true",
            "repository=r.test/acme-{name}",
            None,
        ),
        ("type=s3,bucket=b,region=eu", "cache=s3/b", None),
        ("type=s3,bucket=b,endpoint_url=http://x:9000", "cache=s3/http://x:9000/b", None),
        ("type=azblob,account_url=https://a.test", "cache=azblob/https://a.test", None),
        ("type=LOCAL,dest=/c", "cache=LOCAL", None),
        ("type=later", "cache=later", None),
    ],
)
def test_caches(entry: str, reading: str, writing: str | None) -> None:
    """Reading and writing caches; `None` means that both need the same permission."""
    source = Settings(registry=REGISTRY, build=BuildSettings(cache_from=(entry,)))
    destination = Settings(registry=REGISTRY, build=BuildSettings(cache_to=(entry,)))

    read = [permission_for(one) for one in settings_needs(source, NAMES)]
    written = [permission_for(one) for one in settings_needs(destination, NAMES)]

    assert read == ([reading] if reading else [])
    assert written == (read if writing is None else [writing] if writing else [])


@pytest.mark.parametrize(
    ("registry", "also", "word"),
    [
        (REGISTRY, "acme-{name}", NOTHING),
        (REGISTRY, "acme-web", "repository=r.test/acme-web"),
        (REGISTRY, "r.test/acme-{name}", NOTHING),
        (REGISTRY, "acme-{name}-staging", "repository=r.test/acme-{name}-staging"),
        (REGISTRY, "evil", "repository=r.test/evil"),
        (REGISTRY, "evil.test/acme-{name}", "repository=evil.test/acme-{name}"),
        (REGISTRY, "R.test/acme-web", "repository=R.test/acme-web"),
        (SHARED, "acme", NOTHING),
        (SHARED, "acme/{name}", "repository=r.test/acme/{name}"),
    ],
)
def test_other_repositories(registry: RegistrySettings, also: str, word: str) -> None:
    """An image's own repository needs none."""
    settings = Settings(registry=replace(registry, also=(also,)))

    assert [permission_for(one) for one in settings_needs(settings, NAMES)] == (
        [word] if word else []
    )


def test_a_single_foreign_repository() -> None:
    """A single foreign repository is named in the permission, several as a template."""
    settings = Settings(registry=replace(REGISTRY, also=("evil/{name}",)))

    (wanted,) = settings_needs(settings, NAMES[:1])

    assert str(wanted.need) == "repository=r.test/evil/api"


@pytest.mark.parametrize(("network", "word"), [("", ""), ("none", ""), ("host", "network.host")])
def test_the_network(network: str, word: str) -> None:
    """`network.host` of the whole build."""
    settings = Settings(build=BuildSettings(network=network))

    assert [permission_for(one) for one in settings_needs(settings, NAMES)] == (
        [word] if word else []
    )


def test_the_network_of_a_step() -> None:
    """`RUN --network=host` with its location, if the target needs the stage."""
    file = "FROM a AS x\nRUN --network=host one\nFROM b\nRUN --network=none two\n"
    used = "FROM a AS x\nRUN one\nFROM x\nRUN \\\n  --network=host two\n"

    assert [*image_needs(image_of(file), set())] == []
    (wanted,) = image_needs(image_of(used), set())
    assert (str(wanted.need), str(wanted.location)) == ("network.host", "app/Dockerfile:5:3")


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ({"HTTP_PROXY": "http://proxy.test:3128"}, "proxy=proxy.test:3128"),
        ({"Https_proxy": "proxy.test:3128/"}, "proxy=proxy.test:3128"),
        ({"ALL_PROXY": "socks5://me:pa55@proxy.test"}, "proxy=proxy.test"),
        ({"http_proxy": "http://evil.test/@proxy.test:3128"}, "proxy=evil.test"),
        ({"http_proxy": "evil.test:80/://proxy.test:3128"}, "proxy=evil.test:80"),
        ({"http_proxy": "http://evil.test#@proxy.test"}, "proxy=evil.test"),
        ({"HTTP_PROXY": "", "NO_PROXY": "a,b"}, NOTHING),
        ({"FTP_PROXY": "http://declared.test"}, NOTHING),
        ({"PROXY": "http://proxy.test"}, NOTHING),
    ],
)
def test_undeclared_proxy_arguments(args: dict[str, str], word: str) -> None:
    """Proxy arguments that the Dockerfile does not declare, because BuildKit uses them anyway."""
    image = image_of("FROM scratch\n")
    image = replace(image, args=args, declared={"FTP_PROXY": "http://declared.test"})

    assert [permission_for(one) for one in image_needs(image, set())] == ([word] if word else [])


FOREIGN = Requirement(
    ("registry", "also", 0),
    Need("repository", "r.test/x-{name}"),
    "",
    each=(Need("repository", "r.test/x-api"), Need("repository", "r.test/x-web")),
)


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ("", False),
        ("repository=r.test/x-api", False),
        ("repository=r.test/x-api,repository=r.test/x-web", True),
        ("repository=r.test/x-{name}", True),
        ("repository=r.test/{name}", True),
        ("repository=r.test/x/{name}", False),
        ("repository=evil.test/x-{name}", False),
        ("ssh,network.host,commands", False),
    ],
)
def test_one_permission_or_one_for_each(said: str, *, allowed: bool) -> None:
    """For repositories from a template: one permission, or one for each."""
    assert FOREIGN.is_allowed(parse_allowed(said)) is allowed


@pytest.mark.parametrize(
    ("said", "need", "granted"),
    [
        ("ssh", "ssh", True),
        ("ssh", "network.host", False),
        ("secret=FLY_API_TOKEN", "secret=FLY_API_TOKEN", True),
        ("secret=FLY_API_TOKEN", "secret=FLY_ACCESS_TOKEN", False),
        ("secret=FLY", "secret=FLY_API_TOKEN", False),
        ("fs.read=/home/me", "fs.read=/home/me/.npmrc", True),
        ("fs.read=/home/me", "fs.read=/home/me", True),
        ("fs.read=/home/me", "fs.read=/home/me2", False),
        ("fs.read=/home/me", "fs.write=/home/me", False),
        ("fs.write=/c", "fs.read=/c", False),
        ("repository=index.docker.io/acme/web", "repository=docker.io/acme/web", True),
        ("repository=r.test/{name}", "repository=r.test/web", True),
        ("repository=r.test/{name}", "repository=r.test/a/web", False),
        ("repository=r.test/acme", "repository=r.test/acme/web", False),
        ("cache=s3/b", "cache=s3/b", True),
        ("cache=s3/b", "cache=s3/http://evil.test/b", False),
        ("cache=s3", "cache=s3/b", False),
    ],
)
def test_what_a_permission_allows(said: str, need: str, *, granted: bool) -> None:
    """A permission allows its own value; a path also what is below it."""
    word, _, value = need.partition("=")

    assert parse_allowed(said).grants(Need(word, value)) is granted


def test_the_hint_is_a_permission() -> None:
    """The hint is quoted for a shell; a value with a separator cannot be allowed."""
    need = Need("repository", "r.test/x-{name}")

    assert "`--allow 'repository=r.test/x-{name}'`" in need.hint
    assert "PIPELINE_ALLOW" in need.hint
    assert parse_allowed(str(need)) == Allowed((("repository", "r.test/x-{name}"),))
    assert "cannot be allowed" in Need("fs.read", "/a,b").hint


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("type=gha", ["type=gha"]),
        (
            "Type=registry, Ref=r.test/c:{name},mode=max",
            ["type=registry,ref=r.test/c:web,mode=max"],
        ),
        ("r.test/a,r.test/b", ["type=registry,ref=r.test/a", "type=registry,ref=r.test/b"]),
        ('"type=local","dest=/a,b"', ['type=local,"dest=/a,b"']),
        ("type=local,dest=/a,dest=/b", ["type=local,dest=/b"]),
    ],
)
def test_buildx_gets_the_parsed_entry(written: str, given: list[str]) -> None:
    """Pass buildx each key once, in lower case, quoted as it reads it."""
    assert [cache.entry(ImageName("web")) for cache in parse_cache(written)] == given


@pytest.mark.parametrize(
    "written",
    [
        "dest=/c",
        "type=local,dest",
        "type=,dest=/c",
        "type={name}",
        'type=local,"dest=/c',
        "type=local,de\tst=/c",
        "type=local,d est=/c",
        "type=local,de\N{LATIN SMALL LETTER LONG S}t=/c",
    ],
)
def test_an_ambiguous_cache(written: str) -> None:
    """An ambiguous cache setting is refused, as buildx might read it differently."""
    with pytest.raises(ValueError, match=r"it |`"):
        parse_cache(written)
