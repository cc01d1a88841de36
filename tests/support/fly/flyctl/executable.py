"""The programs `fly` and `flyctl` on PATH, in Perl, which starts in 15 ms.

A program sends its arguments, working directory and environment to the fake Fly, prints the
response, and exits with the code in it. It passes on SIGTERM and SIGINT, which flyctl handles
(`main.go`, `newContext`). SIGKILL closes the connection, and the command stops half-way.

Sent: the working directory, the number of arguments, each argument, then the environment as
NAME=VALUE; each as its length in decimal, a line feed, its bytes; then a length of -1. Received,
any number of: `o` or `e`, the length, a line feed, that many bytes; at last `x`, the exit code, a
line feed. Or `r`, the length, a line feed, that many bytes: a real flyctl and its arguments,
separated by zero bytes, which takes the place of the process (`real.py`).
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.support.fly.flyctl.real import ISOLATION

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = r"""#!{perl}
use strict;
use Socket;
socket(my $s, PF_INET, SOCK_STREAM, getprotobyname('tcp')) or die "fly: $!\n";
connect($s, sockaddr_in({port}, inet_aton('127.0.0.1'))) or die "fly: the fake Fly is gone: $!\n";
$SIG{{INT}} = $SIG{{TERM}} = sub {{ syswrite($s, 'i') }};
my $cwd = readlink('/proc/self/cwd') || $ENV{{PWD}};
my $all = '';
$all .= length($_) . "\n" . $_
  for ($cwd, scalar(@ARGV), @ARGV, map {{ "$_=$ENV{{$_}}" }} keys %ENV);
$all .= "-1\n";
while (length $all) {{
  my $sent = syswrite($s, $all);
  defined $sent or die "fly: $!\n";
  substr($all, 0, $sent) = '';
}}
while (defined(my $line = <$s>)) {{
  my ($kind, $number) = $line =~ /^([oexr]) (-?\d+)$/ or die "fly: the fake Fly sent $line";
  exit $number if $kind eq 'x';
  my $got = '';
  while (length($got) < $number) {{
    read($s, $got, $number - length($got), length($got)) or die "fly: cut off\n";
  }}
  if ($kind eq 'r') {{
    my @words = split /\0/, $got, -1;
    %ENV = (%ENV, {isolation});
    $SIG{{INT}} = $SIG{{TERM}} = 'DEFAULT';
    exec {{$words[0]}} @words or die "fly: $words[0]: $!\n";
  }}
  my $to = $kind eq 'o' ? \*STDOUT : \*STDERR;
  syswrite($to, $got);
}}
die "fly: the fake Fly is gone\n";
"""


def write_executables(folder: Path, port: int) -> Path:
    """Write `fly` and `flyctl` into a folder and return it, for PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = ", ".join(f"'{name}', '{value}'" for name, value in ISOLATION.items())
    perl = shutil.which("perl") or "/usr/bin/perl"
    text = SCRIPT.format(perl=perl, port=port, isolation=pairs)
    for name in ("fly", "flyctl"):
        program = folder / name
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
    return folder
