"""Who calls: a JWT whose `sub` is the member, checked with a shared secret or with the keys of a JWKS address."""

import asyncio
import ipaddress
import logging
import time
from typing import Any, Final

import aiohttp
import jwt
from aiohttp import web

from streams.config import Settings
from streams.errors import UsageError
from streams.gateway.http import Problem, try_later

log = logging.getLogger(__name__)

KEYS_KEPT_S: Final = 3600.0
KEYS_REFRESH_S: Final = 30.0  # at most one fetch in this time, however many unknown keys are presented
FETCH_S: Final = 5.0
LEEWAY_S: Final = 30


class Caller:
    """A checked caller. `member_id` is None where the gateway runs without authentication."""

    def __init__(self, member_id: str | None, expires: float | None) -> None:
        self.member_id = member_id
        self.expires = expires  # seconds since the epoch, None: never

    def may_see(self, member_id: str) -> bool:
        """Whether the caller is that member, or nobody is asked."""
        return self.member_id is None or self.member_id == member_id

    def require(self, member_id: str) -> None:
        """Raises Problem 403 where the caller is somebody else."""
        if not self.may_see(member_id):
            raise Problem(403, "the token is another member's")


class Authenticator:
    """Checks tokens as CW_JWT_SECRET (HS256) and CW_JWKS_URL (RS256, ES256) say; lets everybody in without both."""

    def __init__(self, secret: str | None, jwks_url: str | None) -> None:
        self._secret = secret
        self._jwks_url = jwks_url
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched = float("-inf")
        self._fetching = asyncio.Lock()

    @property
    def on(self) -> bool:
        """Whether a token is needed."""
        return bool(self._secret or self._jwks_url)

    async def caller(self, request: web.Request) -> Caller:
        """Who calls. Raises Problem 401 without a valid token, 503 where the keys can't be fetched."""
        if not self.on:
            return Caller(None, None)
        token = _token(request)
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if self._secret and algorithm == "HS256":
                key: Any = self._secret
            elif self._jwks_url and algorithm in ("RS256", "ES256"):
                key = await self._key(header.get("kid"))
            else:
                raise jwt.InvalidAlgorithmError(f"tokens signed with {algorithm} are not taken")
            claims = jwt.decode(
                token, key, [algorithm], options={"require": ["sub"], "verify_aud": False}, leeway=LEEWAY_S
            )
        except jwt.InvalidTokenError as error:
            raise _unauthorized(f"the token is not valid: {error}") from None
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _unauthorized(f"the token can't be checked: {error}") from None
        if not claims["sub"]:
            raise _unauthorized("the token names no member in sub")
        expires = claims.get("exp")
        return Caller(claims["sub"], float(expires) + LEEWAY_S if expires is not None else None)

    async def _key(self, kid: str | None) -> jwt.PyJWK:
        age = time.monotonic() - self._fetched
        if age > KEYS_KEPT_S or (kid not in self._keys and age > KEYS_REFRESH_S):
            async with self._fetching:
                if time.monotonic() - self._fetched > KEYS_REFRESH_S:
                    await self._fetch()
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if kid not in self._keys:
            raise jwt.InvalidKeyError("it names a key that is not in the key set")
        return self._keys[kid]

    async def _fetch(self) -> None:
        assert self._jwks_url is not None
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FETCH_S)) as session,
                session.get(self._jwks_url) as answer,
            ):
                answer.raise_for_status()
                key_set = jwt.PyJWKSet.from_dict(await answer.json(content_type=None))
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError, jwt.PyJWTError) as error:
            log.warning("the key set at CW_JWKS_URL can't be read: %s", error or type(error).__name__)
            if not self._keys:
                raise try_later(503, "the keys that tokens are checked with can't be fetched") from None
            return
        self._keys = {key.key_id: key for key in key_set.keys}
        self._fetched = time.monotonic()


def check_bind(settings: Settings) -> None:
    """Raises UsageError where the gateway would listen to the network without knowing who calls."""
    if settings.jwt_secret or settings.jwks_url or is_loopback(settings.gateway_host):
        return
    raise UsageError(
        f"the gateway listens on {settings.gateway_host} only with authentication: set CW_JWT_SECRET or CW_JWKS_URL, "
        "or CW_GATEWAY_HOST=127.0.0.1"
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token(request: web.Request) -> str:
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip()
        raise _unauthorized("the Authorization header must be 'Bearer TOKEN'")
    token = request.query.get("access_token", "")
    if token:
        return token
    raise _unauthorized("a token is needed: send 'Authorization: Bearer TOKEN' or access_token in the query")


def _unauthorized(message: str) -> Problem:
    return Problem(401, message, {"WWW-Authenticate": "Bearer"})
