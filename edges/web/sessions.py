"""Sessions of people: a signed cookie for 12 hours, which any replica with the same key reads.

It holds a name and a stamp of the account, no role: that is looked up at each request. A session ends with the
account, with a change of its password, after 12 hours, or by `DELETE /v1/session`. That takes the cookie from the
browser, and the process that did it refuses a copy of the cookie from then on; other replicas share no memory with it.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections import OrderedDict
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

SECONDS: Final = 12 * 3600
SIGN_IN_SECONDS: Final = 600  # for the way to the provider and back
SHORTEST_KEY: Final = 32
_AHEAD_SECONDS: Final = 60  # the clock of the replica that signed may be ahead by so much
# Starlette takes any case and writes it so; its type knows one.
LAX: Final[Any] = "Lax"
_PORTS: Final = {"http": ":80", "https": ":443"}
UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Session(NamedTuple):
    """What a cookie says; ``ends_at`` is in seconds since 1970."""

    id: str
    name: str
    stamp: str
    ends_at: int


class Sessions:
    """Cookies of one kind of process.

    Args:
        process: ``desk``, ``portal``, ``partners``.
        key: the secret that signs, the same for all replicas; None: one of this process's own, gone with it.
        public_url: where people reach it, as ``https://desk.example``; None: at the address they typed.

    """

    def __init__(self, process: str, key: str | None = None, public_url: str | None = None) -> None:
        if key is not None and len(key) < SHORTEST_KEY:
            raise ValueError(f"the session key has fewer than {SHORTEST_KEY} characters: {SHORTEST_KEY} random ones do")
        self._process = process
        self._public = urlsplit(public_url) if public_url else None
        secret = key or secrets.token_hex(32)
        self._serializer = URLSafeTimedSerializer(secret, salt=f"ronde-{process}")
        self._ended: OrderedDict[str, float] = OrderedDict()  # ids of sessions, and when they would have ended
        self._temporary = URLSafeTimedSerializer(secret, salt=f"ronde-{process}-sign-in")

    def origin(self, request: Request) -> str:
        """Our own origin: ``https://desk.example``."""
        if self._public is not None:
            return _plain(f"{self._public.scheme}://{self._public.netloc}")
        return _plain(f"{request.url.scheme}://{request.headers.get('host', '')}")

    def is_local(self, request: Request) -> bool:
        """Whether people reach it at this machine's own address, where there is no TLS."""
        try:
            host = urlsplit(self.origin(request)).hostname or ""
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:  # a name, or what no client may send as its `Host`
            return False

    def is_own(self, request: Request) -> bool:
        """Return whether one of our own pages sent the request, by its `Origin`."""
        return _plain(request.headers.get("origin", "")) == self.origin(request)

    def read(self, request: Request) -> Session | None:
        """The session of the request's cookie; None without one that is in force."""
        value = request.cookies.get(self._cookie(request))
        if not value:
            return None
        try:
            (id_, name, stamp), signed_at = _loads(self._serializer, value, SECONDS)
        except (BadSignature, ValueError, TypeError):
            return None
        if id_ in self._ended:
            return None
        return Session(str(id_), str(name), str(stamp), signed_at + SECONDS)

    def begin(self, request: Request, response: Response, name: str, stamp: str) -> int:
        """Set the cookie; return when the session ends, in seconds since 1970."""
        ends_at = int(time.time()) + SECONDS
        value = self._serializer.dumps([secrets.token_hex(8), name, stamp])
        self._set(request, response, self._cookie(request), value, SECONDS)
        return ends_at

    def end(self, request: Request, response: Response) -> None:
        """Take the cookie back, and end its event streams with it."""
        session = self.read(request)
        if session is not None:
            self._ended[session.id] = session.ends_at
            while self._ended and next(iter(self._ended.values())) < time.time():
                self._ended.popitem(last=False)
        self._set(request, response, self._cookie(request), "", 0)

    def remember(self, request: Request, response: Response, state: dict[str, Any]) -> None:
        """Keep what the way to a provider and back needs."""
        self._set(request, response, self._cookie(request, "-sign-in"), self._temporary.dumps(state), SIGN_IN_SECONDS)

    def recall(self, request: Request, response: Response | None = None) -> dict[str, Any]:
        """Return what was kept, empty where nothing was; with a response, forget it."""
        if response is not None:
            self._set(request, response, self._cookie(request, "-sign-in"), "", 0)
        try:
            value = request.cookies.get(self._cookie(request, "-sign-in"), "")
            state, _ = _loads(self._temporary, value, SIGN_IN_SECONDS)
        except BadSignature:
            return {}
        return state if isinstance(state, dict) else {}

    def _cookie(self, request: Request, what: str = "") -> str:
        """Where there is TLS, a name that browsers take from this host alone, for all its paths."""
        return f"{'' if self.is_local(request) else '__Host-'}ronde-{self._process}{what}"

    def _set(self, request: Request, response: Response, cookie: str, value: str, seconds: int) -> None:
        response.set_cookie(
            cookie,
            value,
            max_age=seconds,
            path="/",
            secure=not self.is_local(request),
            httponly=True,
            samesite=LAX,
        )


def _loads(serializer: URLSafeTimedSerializer, value: str, seconds: int) -> tuple[Any, int]:
    """What a cookie says, and when it was signed, in seconds since 1970. Raises `BadSignature`, also ``seconds`` later.

    With a `max_age` itsdangerous would refuse, too, what another replica, whose clock is ahead, has just signed.
    """
    said, signed = serializer.loads(value, return_timestamp=True)
    signed_at = int(signed.timestamp())
    if not -_AHEAD_SECONDS <= int(time.time()) - signed_at <= seconds:
        raise SignatureExpired("signed too long ago, or in the future")
    return said, signed_at


def _plain(origin: str) -> str:
    """As browsers write it: without the port that its scheme has anyway."""
    origin = origin.lower()
    scheme = origin.partition(":")[0]
    return origin.removesuffix(_PORTS[scheme]) if scheme in _PORTS else origin
