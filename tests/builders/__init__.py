"""Tests on a builder of the driver `docker-container`, which `docker/setup-buildx-action` makes."""
