"""ConnectProxy: what stands between an unchanged yfinance and the loopback Yahoo."""

from __future__ import annotations

import ssl
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from tests.loopback.server import QuietHandler, QuietServer
from tests.loopback.yahoo import LoopbackYahoo, YahooHandler


class ConnectProxy:
    """A CONNECT proxy on 127.0.0.1 within a `with` block: it poses as Yahoo's hosts and lets nobody out.

    TLS ends here, with certificates of an authority that lives as long as the block; hosts outside yahoo.com get 502.
    """

    def __init__(self, yahoo: LoopbackYahoo) -> None:
        self.yahoo = yahoo
        self.refused: list[str] = []
        self._authority = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._guard = threading.Lock()
        self._server = _ProxyServer(self)
        self._held = ExitStack()

    def __enter__(self) -> Self:
        folder = self._held.enter_context(tempfile.TemporaryDirectory(prefix="loopback-authority-"))
        self._bundle = Path(folder) / "authority.pem"
        self._authority.cert_pem.write_to_path(self._bundle)
        self._held.enter_context(self._server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.__exit__(kind, value, trace)

    def environment(self, cache: Path) -> dict[str, str]:
        """Variables for a child process that shall come here for Yahoo and keep its caches under `cache`."""
        proxy, bundle = self._server.url, str(self._bundle)
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "CURL_CA_BUNDLE": bundle,
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "NO_PROXY": "",
            "no_proxy": "",
            "XDG_CACHE_HOME": str(cache),
        }

    def context(self, host: str) -> ssl.SSLContext:
        """The TLS settings with which to pose as `host`. HTTP/2 is not offered."""
        with self._guard:
            if host not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._authority.issue_cert(host).configure_cert(context)
                self._contexts[host] = context
            return self._contexts[host]


class _ProxyServer(QuietServer):
    def __init__(self, proxy: ConnectProxy) -> None:
        super().__init__(_ProxyHandler)
        self.proxy = proxy


class _ProxyHandler(QuietHandler):
    server: _ProxyServer
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        proxy = self.server.proxy
        host = self.path.rpartition(":")[0].lower()
        self.close_connection = True
        if host != "yahoo.com" and not host.endswith(".yahoo.com"):
            proxy.refused.append(host)
            self.send_error(502)
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        with proxy.context(host).wrap_socket(self.connection, server_side=True, do_handshake_on_connect=False) as inner:
            # Wrapping took the descriptor away from the connection that the server watches.
            self.server.watch(inner)
            try:
                inner.do_handshake()
                YahooHandler(inner, self.client_address, proxy.yahoo.server)
            finally:
                self.server.forget(inner)
