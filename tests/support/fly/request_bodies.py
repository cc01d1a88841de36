"""Fields and types of the request bodies of the Machines API.

Sources: the public OpenAPI description (superfly/fly-openapi-sdk `go/api/openapi.yaml`, the newer
copy in cloudy-sky-software/pulumi-fly-machines `provider/cmd/…/openapi.yml`) and superfly/fly-go
`machine_types.go` (`LaunchMachineInput`, `MachineConfig`). The real API ignores unknown fields.
Here they are refused, because a misspelt field would have no effect.

A shape is a type, `[shape]` for a list, `{"*": shape}` for a map with any keys, another dictionary
for an object with these fields, or a tuple of strings for an enumeration.
"""

from __future__ import annotations

import json
from typing import Any

from tests.support.fly.errors import RefusedError

DURATION = (str, int)
SIGNALS = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM", "")
HEADERS = [{"name": str, "values": [str]}]
CHECK: dict[str, Any] = {
    "port": int,
    "type": ("tcp", "http"),
    "interval": DURATION,
    "timeout": DURATION,
    "grace_period": DURATION,
    "method": str,
    "path": str,
    "protocol": str,
    "tls_skip_verify": bool,
    "tls_server_name": str,
    "headers": HEADERS,
}
PORT = {
    "port": int,
    "start_port": int,
    "end_port": int,
    "handlers": [("http", "tls", "pg_tls", "proxy_proto", "edge_http")],
    "force_https": bool,
    "tls_options": {"alpn": [str], "versions": [str], "default_self_signed": bool},
    "http_options": {
        "compress": bool,
        "response": {"headers": {"*": object}, "pristine": bool},
        "h2_backend": bool,
        "idle_timeout": int,
        "headers_read_timeout": int,
        "replay_cache": [
            {
                "path_prefix": str,
                "ttl_seconds": int,
                "type": ("cookie", "header"),
                "name": str,
                "allow_bypass": bool,
            }
        ],
    },
    "proxy_proto_options": {"version": str},
}
SERVICE = {
    "protocol": ("tcp", "udp"),
    "internal_port": int,
    "autostop": ("off", "stop", "suspend"),
    "autostart": bool,
    "min_machines_running": int,
    "ports": [PORT],
    "checks": [CHECK],
    "concurrency": {"type": str, "hard_limit": int, "soft_limit": int},
    "force_instance_key": str,
    "force_instance_description": str,
}
GUEST = {
    "cpu_kind": ("shared", "performance"),
    "cpus": int,
    "memory_mb": int,
    "max_memory_mb": int,
    "gpus": int,
    "gpu_kind": str,
    "host_dedication_id": str,
    "persist_rootfs": ("", "none", "never", "always", "restart"),
    "kernel_args": [str],
}
INIT = {
    "exec": [str],
    "entrypoint": [str],
    "cmd": [str],
    "tty": bool,
    "swap_size_mb": int,
    "kernel_args": [str],
}
FILE = {"guest_path": str, "raw_value": str, "secret_name": str, "image_config": str, "mode": int}
RESTART = {
    "policy": ("no", "always", "on-failure", "spot-price"),
    "max_retries": int,
    "gpu_bid_price": float,
}
STOP_CONFIG = {"timeout": DURATION, "signal": SIGNALS}
PROCESS = {
    "exec": [str],
    "entrypoint": [str],
    "cmd": [str],
    "user": str,
    "env": {"*": str},
    "secrets": [{"env_var": str, "name": str}],
    "ignore_app_secrets": bool,
    "env_from": [{"env_var": str, "field_ref": str}],
}
MOUNT = {
    "encrypted": bool,
    "path": str,
    "size_gb": int,
    "volume": str,
    "name": str,
    "extend_threshold_percent": int,
    "add_size_gb": int,
    "size_gb_limit": int,
}
DNS = {
    "skip_registration": bool,
    "nameservers": [str],
    "searches": [str],
    "options": [{"name": str, "value": str}],
    "dns_forward_rules": [{"basename": str, "addr": str}],
    "hostname": str,
    "hostname_fqdn": str,
}
HEALTHCHECK = {
    "name": str,
    "interval": int,
    "grace_period": int,
    "success_threshold": int,
    "failure_threshold": int,
    "timeout": int,
    "kind": ("readiness", "liveness"),
    "unhealthy": ("stop",),
    "http": {
        "port": int,
        "method": str,
        "path": str,
        "headers": HEADERS,
        "scheme": ("http", "https"),
        "tls_skip_verify": bool,
        "tls_server_name": str,
    },
    "tcp": {"port": int},
    "exec": {"command": [str]},
}
CONTAINER = {
    "name": str,
    "image": str,
    "exec": [str],
    "entrypoint": [str],
    "cmd": [str],
    "user": str,
    "env": {"*": str},
    "secrets": [{"env_var": str, "name": str}],
    "env_from": [{"env_var": str, "field_ref": str}],
    "files": [FILE],
    "restart": RESTART,
    "stop": STOP_CONFIG,
    "depends_on": [{"name": str, "condition": ("exited_successfully", "healthy", "started")}],
    "healthchecks": [HEALTHCHECK],
    "mounts": [{"name": str, "path": str}],
}
CONFIG: dict[str, Any] = {
    "env": {"*": str},
    "init": INIT,
    "guest": GUEST,
    "metadata": {"*": str},
    "mounts": [MOUNT],
    "services": [SERVICE],
    "metrics": {"port": int, "path": str, "https": bool},
    "checks": {"*": {**CHECK, "kind": ("informational", "readiness")}},
    "statics": [
        {"guest_path": str, "url_prefix": str, "tigris_bucket": str, "index_document": str}
    ],
    "image": str,
    "files": [FILE],
    "schedule": ("hourly", "daily", "weekly", "monthly"),
    "auto_destroy": bool,
    "restart": RESTART,
    "dns": DNS,
    "processes": [PROCESS],
    "standbys": [str],
    "stop_config": STOP_CONFIG,
    "containers": [CONTAINER],
    "volumes": [{"name": str, "temp_dir": {"size_mb": int, "storage_type": str}, "image": str}],
    "rootfs": {"persist": str, "size_gb": int},
    "cache_drive": {"size_mb": int},
    "spot": {"max_price_fraction": float},
    "size": str,
    "disable_machine_autostart": bool,
}
CREATE_MACHINE: dict[str, Any] = {
    "name": str,
    "region": str,
    "config": CONFIG,
    "lease_ttl": int,
    "skip_launch": bool,
    "skip_service_registration": bool,
    "skip_secrets": bool,
    "min_secrets_version": int,
    "lsvd": bool,
}
UPDATE_MACHINE: dict[str, Any] = {**CREATE_MACHINE, "current_version": str}
CREATE_APP: dict[str, Any] = {
    "name": str,
    "org_slug": str,
    "network": str,
    "app_role_id": str,
    "enable_subdomains": bool,
}
LEASE: dict[str, Any] = {"ttl": int, "description": str}
STOP: dict[str, Any] = {"signal": SIGNALS, "timeout": DURATION, "id": str}
SIGNAL: dict[str, Any] = {"signal": (str, int)}
EXEC: dict[str, Any] = {
    "cmd": str,
    "command": [str],
    "container": str,
    "machine": bool,
    "stdin": str,
    "timeout": int,
}
ASSIGN_IP: dict[str, Any] = {
    "type": str,
    "region": str,
    "org_slug": str,
    "network": str,
    "service_name": str,
}
SET_SECRET: dict[str, Any] = {"value": str}
SET_SECRETS: dict[str, Any] = {"values": {"*": str}}
CREATE_VOLUME: dict[str, Any] = {
    "name": str,
    "region": str,
    "size_gb": int,
    "encrypted": bool,
    "require_unique_zone": bool,
    "unique_zone_app_wide": bool,
    "snapshot_retention": int,
    "auto_backup_enabled": bool,
    "fstype": str,
    "snapshot_id": str,
    "source_volume_id": str,
    "compute": GUEST,
    "compute_image": str,
}
METADATA: dict[str, Any] = {"value": str, "updated_at": str}
METADATA_ALL: dict[str, Any] = {
    "metadata": {"*": str},
    "machine_version": str,
    "updated_at": str,
}
CREATE_RELEASE: dict[str, Any] = {
    "app_name": str,
    "build_id": int,
    "definition": {"*": object},
    "image": str,
    "strategy": str,
}
UPDATE_RELEASE: dict[str, Any] = {"status": str, "metadata": {"*": object}}
CREATE_BUILD: dict[str, Any] = {
    "app_name": str,
    "builder_type": str,
    "machine_id": str,
    "strategies_available": [str],
}
FINISH_BUILD: dict[str, Any] = {
    "build_id": int,
    "app_name": str,
    "machine_id": str,
    "status": str,
    "strategies_attempted": [{"error": str, "note": str, "result": str, "strategy": str}],
    "builder_meta": {
        "builder_type": str,
        "buildkit_enabled": bool,
        "docker_version": str,
        "platform": str,
        "remote_app_name": str,
        "remote_machine_id": str,
    },
    "final_image": {"id": str, "size_bytes": int, "tag": str},
    "timings": dict.fromkeys(
        (
            "build_and_push_ms",
            "build_ms",
            "builder_init_ms",
            "context_build_ms",
            "image_build_ms",
            "push_ms",
        ),
        int,
    ),
    "logs": str,
}
NOTHING: dict[str, Any] = {}


def parse_body(body: bytes, shape: dict[str, Any]) -> dict[str, Any]:
    """Parse a body and check its shape.

    Raises:
        RefusedError: 400, with the path of the wrong field.

    """
    try:
        value = json.loads(body)
    except ValueError:
        raise RefusedError(400, "invalid json in request body") from None
    _check(value, shape, "body")
    return dict(value)


def _check(value: object, shape: object, at: str) -> None:
    if value is None:
        return
    if isinstance(shape, dict):
        _check_object(value, shape, at)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise _wrong(at, "an array")
        for number, item in enumerate(value):
            _check(item, shape[0], f"{at}[{number}]")
    elif isinstance(shape, tuple) and isinstance(shape[0], str):
        if value not in shape:
            raise _wrong(at, f"one of {', '.join(shape)}")
    elif not _is(value, shape):
        raise _wrong(at, str(shape))


def _check_object(value: object, shape: dict[str, Any], at: str) -> None:
    if not isinstance(value, dict):
        raise _wrong(at, "an object")
    for name, item in value.items():
        if name not in shape and "*" not in shape:
            raise RefusedError(400, f'invalid request: unknown field "{name}" in {at}')
        _check(item, shape.get(name, shape.get("*")), f"{at}.{name}")


def _is(value: object, shape: Any) -> bool:
    wanted = shape if isinstance(shape, tuple) else (shape,)
    if isinstance(value, bool):
        return bool in wanted or object in wanted
    return isinstance(value, wanted) or (float in wanted and isinstance(value, int))


def _wrong(at: str, wanted: str) -> RefusedError:
    return RefusedError(400, f"invalid request: {at} must be {wanted}")
