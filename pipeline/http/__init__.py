"""HTTP: connections, TLS, proxies, timeouts, and when a request is sent again."""
