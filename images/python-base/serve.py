"""What our Python apps share: a health check, and a server that ends when it is asked to."""

import os
import signal
import sys

import bottle
import waitress


def run(app: bottle.Bottle) -> None:
    """Serve `app` on $PORT, with `/healthz` added."""
    app.route("/healthz", callback=lambda: "ok\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    waitress.serve(app, host="0.0.0.0", port=int(os.environ.get("PORT", "8080")), threads=4)
