"""A web server for one folder, for this machine alone."""

import errno
import functools
import http.server
import pathlib


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Files, with the headers under which browsers measure time finely."""

    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args) -> None:
        """Says nothing."""


def serving(folder: pathlib.Path, port: int) -> http.server.ThreadingHTTPServer:
    """A server on 127.0.0.1 that is ready for `serve_forever`.

    Args:
        folder: What to serve.
        port: Where; 0 takes any that is free.

    Raises:
        OSError: If the port is taken.
    """
    handler = functools.partial(_Handler, directory=str(folder))
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise OSError(
            f"Port {port} is taken. Pass --port=0 for any that is free, or another number."
        ) from error


def address(server: http.server.ThreadingHTTPServer) -> str:
    """Where a browser finds it."""
    return f"http://127.0.0.1:{server.server_address[1]}/"
