"""The client of the OCI distribution API: manifests, blobs, tags, copies, credentials."""
