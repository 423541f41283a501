"""What a server does before it is asked anything over TLS: good and bad certificates, handshakes.

Certificates are made here (`trustme`), with an authority that the client is told to trust.
"""

from __future__ import annotations

import datetime
import socket
import ssl
from pathlib import Path

import trustme

SILENT_S = 30.0  # longer than the patience of a client in an attack
HOST = "127.0.0.1"


class Handshakes:
    """One method each: the connection over TLS, or None where nothing comes of it."""

    def __init__(self, folder: Path) -> None:
        """`folder` gets `trusted.pem`, the authority for $REQUESTS_CA_BUNDLE."""
        known = trustme.CA()
        past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        self.trusted = folder / "trusted.pem"
        known.cert_pem.write_to_path(self.trusted)
        self._good = _context(known.issue_cert(HOST))
        self._expired = _context(known.issue_cert(HOST, not_after=past))
        self._other = _context(known.issue_cert("weights.example"))
        self._stranger = _context(trustme.CA().issue_cert(HOST))

    def good(self, connection: socket.socket) -> ssl.SSLSocket | None:
        return self._good.wrap_socket(connection, server_side=True)

    def expired(self, connection: socket.socket) -> ssl.SSLSocket | None:
        return self._expired.wrap_socket(connection, server_side=True)

    def of_another_host(self, connection: socket.socket) -> ssl.SSLSocket | None:
        return self._other.wrap_socket(connection, server_side=True)

    def of_a_stranger(self, connection: socket.socket) -> ssl.SSLSocket | None:
        return self._stranger.wrap_socket(connection, server_side=True)

    def silent(self, connection: socket.socket) -> ssl.SSLSocket | None:
        """It accepts and says nothing."""
        connection.settimeout(SILENT_S)
        while connection.recv(4096):
            pass
        return None

    def cut(self, connection: socket.socket) -> ssl.SSLSocket | None:
        """It hears the greeting and goes away."""
        connection.recv(64)
        return None

    def plain(self, connection: socket.socket) -> ssl.SSLSocket | None:
        """It speaks HTTP where TLS is expected."""
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")
        return None

    def noise(self, connection: socket.socket) -> ssl.SSLSocket | None:
        connection.recv(4096)
        connection.sendall(b"\x16\x03\x03\x40\x00" + bytes(range(256)))
        return None


BAD = sorted(name for name in vars(Handshakes) if name[0] != "_" and name != "good")


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
