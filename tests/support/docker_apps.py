"""Apps that answer HTTP, in Perl, which every Debian image has; and their containers."""

from __future__ import annotations

import urllib.request
import zlib
from typing import TYPE_CHECKING

from pipeline.deploy.docker.proxy_client import proxy_of

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient
    from docker.models.containers import Container

    from tests.support.project import Project, Ran

UNHEALTHY_TIMEOUT = "4s"
"""Timeout of an app whose health check fails."""

SERVER = r"""
use strict; use IO::Socket::INET;
$| = 1; $SIG{TERM} = sub { exit 0 }; $SIG{CHLD} = "IGNORE";
sub text { open(my $file, "<", $_[0]) or return ""; local $/; my $all = <$file>; chomp $all; $all }
my $status = text("/status");
print "status is $status\n";
exit 3 if $status eq "crash";
my $server = IO::Socket::INET->new(LocalPort => 8080, Listen => 64, ReuseAddr => 1) or die "port";
while (1) {
    # A signal (a child's end) interrupts it.
    my $client = $server->accept or next;
    if (fork) { close $client; next }
    my $line = <$client>;
    my $length = 0;
    while (my $header = <$client>) {
        $length = $1 if $header =~ /^content-length: (\d+)/i;
        last if $header =~ /^\r?$/;
    }
    read($client, my $sent, $length);
    select(undef, undef, undef, 0.3) if $line =~ m{ /slow };
    my $code = $line =~ m{ /healthz } ? $status : "200 OK";
    my $body = $line =~ m{ /env } ? "$ENV{FLY_APP_NAME} $ENV{COLOUR}" : text("/answer");
    print $client "HTTP/1.0 $code\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    close $client;
    exit 0;
}
"""

DOCKERFILE = """\
FROM debian:bookworm-slim
COPY server.pl answer status /
CMD ["perl", "/server.pl"]
"""


def containers(client: DockerClient, tmp_path: Path) -> list[Container]:
    """Return the containers of this test's apps, running or not."""
    found = client.containers.list(all=True, filters={"label": "pipeline.app"}, ignore_removed=True)
    return [c for c in found if c.labels["pipeline.app"].endswith(app_name("", tmp_path))]


def running(client: DockerClient, tmp_path: Path) -> list[str]:
    """Return the names of the running containers."""
    found = containers(client, tmp_path)
    return sorted(str(c.name) for c in found if c.status == "running")


def remove(client: DockerClient, tmp_path: Path) -> None:
    """Remove all containers of this test and their routes in the proxy."""
    for container in containers(client, tmp_path):
        container.remove(force=True)
    proxy = proxy_of(client)
    assert proxy is not None
    proxy.forget(
        [k for k in proxy.routes() if k.partition(".")[0].endswith(app_name("", tmp_path))]
    )


def app(
    project: Project, tmp_path: Path, name: str, *, answer: str, status: str = "200 OK"
) -> None:
    """Add an app that responds with `answer`, and to its health check with `status`.

    An app that gets healthy has a long timeout, as the machine may be busy.
    """
    patience = "60s" if status == "200 OK" else UNHEALTHY_TIMEOUT
    project.image(name, DOCKERFILE, server_pl=SERVER, answer=answer, status=status)
    project.write(
        f"images/{name}/fly.toml",
        f'app = "{app_name(name, tmp_path)}"\n[env]\nCOLOUR = "blue"\n'
        f'[deploy]\nwait_timeout = "{patience}"\n[http_service]\ninternal_port = 8080\n'
        '[[http_service.checks]]\npath = "/healthz"\ninterval = "200ms"\ntimeout = "10s"\n',
    )


def app_name(name: str, tmp_path: Path) -> str:
    """Return an app name that no other test uses."""
    return f"{name}-{zlib.crc32(str(tmp_path).encode()):08x}"


def deploys(ran: Ran) -> dict[str, str]:
    """Return the status of each deploy by its image."""
    return {deploy["image"]: deploy["status"] for deploy in ran.json["deploys"]}


def url(ran: Ran, image: str) -> str:
    """Return the URL of an app."""
    found: str = next(d["url"] for d in ran.json["deploys"] if d["image"] == image)
    return found


def get(address: str) -> str:
    """Get a URL and return the body."""
    with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own address
        text: str = answer.read().decode()
        return text
