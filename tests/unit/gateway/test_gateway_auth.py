"""A token's `sub` is the member: the only one whose row is read and whose events are taken."""

import time
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from gateways import event

from streams import config
from streams.errors import UsageError
from streams.gateway.auth import check_bind

SECRET = "a secret of more than thirty-two characters"


def token(sub: object = "ada", key: Any = SECRET, algorithm: str = "HS256", **extra: Any) -> str:
    headers = {"kid": extra.pop("kid")} if "kid" in extra else None
    return jwt.encode({"sub": sub, **extra}, key, algorithm, headers=headers)


async def status(client: Any, path: str, bearer: str | None = None, **call: Any) -> int:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    async with client.request(call.pop("method", "GET"), path, headers=headers, **call) as answer:
        return int(answer.status)


async def test_the_member_of_the_token_gets_through_by_header_and_by_query(gateway: Any) -> None:
    async with gateway(CW_JWT_SECRET=SECRET) as (client, _):
        assert await status(client, "/v1/members/ada/row", token()) == 404
        assert await status(client, f"/v1/members/ada/row?access_token={token()}") == 404
        assert await status(client, "/v1/titles", token("anybody")) == 200


@pytest.mark.parametrize("path", ["/v1/members/bob/row", "/v1/members/bob/row/stream", "/v1/members/bob/row/ws"])
async def test_another_members_row_is_403(gateway: Any, path: str) -> None:
    async with gateway(CW_JWT_SECRET=SECRET) as (client, _):
        assert await status(client, path, token()) == 403


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "nonsense",
        token(key="another secret of thirty-two characters"),
        token(exp=int(time.time()) - 3600),
        token(nbf=int(time.time()) + 3600),
        jwt.encode({"name": "ada"}, SECRET),
        jwt.encode({"sub": "ada"}, None, algorithm="none"),  # type: ignore[arg-type]
        jwt.encode({"sub": "ada"}, SECRET * 3, algorithm="HS512"),
        jwt.encode({"sub": ""}, SECRET),
    ],
)
async def test_without_a_valid_token_every_v1_call_is_401(gateway: Any, bad: str | None) -> None:
    async with gateway(CW_JWT_SECRET=SECRET) as (client, _):
        for path in (
            "/v1/members/ada/row",
            "/v1/members/ada/row/stream",
            "/v1/members/ada/row/ws",
            "/v1/titles",
            "/v1/members",
        ):
            assert await status(client, path, bad) == 401
        assert await status(client, "/v1/events", bad, method="POST", json=event()) == 401
        assert await status(client, "/healthz") == 200


async def test_an_event_of_another_member_is_rejected_and_alone_it_is_403(gateway: Any) -> None:
    async with gateway(CW_JWT_SECRET=SECRET) as (client, _):
        async with client.post(
            "/v1/events", json=event(), headers={"Authorization": f"Bearer {token('bob')}"}
        ) as answer:
            assert answer.status == 403
            body = await answer.json()
        assert body["accepted"] == 0
        assert body["rejected"][0]["index"] == 0


async def test_with_a_token_only_the_own_profile_is_listed(gateway: Any) -> None:
    async with (
        gateway(CW_JWT_SECRET=SECRET) as (client, _),
        client.get("/v1/members", headers={"Authorization": f"Bearer {token()}"}) as answer,
    ):
        assert await answer.json() == {"members": [{"member_id": "ada", "devices": []}]}


async def test_tokens_signed_with_a_published_key_are_taken_rsa_and_elliptic(gateway: Any) -> None:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    keys = [
        {**jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key.public_key(), as_dict=True), "kid": "r", "alg": "RS256"},
        {**jwt.algorithms.ECAlgorithm.to_jwk(ec_key.public_key(), as_dict=True), "kid": "e", "alg": "ES256"},
    ]
    fetched = 0

    async def key_set(_: web.Request) -> web.Response:
        nonlocal fetched
        fetched += 1
        return web.json_response({"keys": keys})

    app = web.Application()
    app.router.add_get("/keys", key_set)
    runner = web.AppRunner(app)
    await runner.setup()
    port = unused_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with gateway(CW_JWKS_URL=f"http://127.0.0.1:{port}/keys") as (client, _):
            path = "/v1/members/ada/row"
            assert await status(client, path, token(key=rsa_key, algorithm="RS256", kid="r")) == 404
            assert await status(client, path, token(key=ec_key, algorithm="ES256", kid="e")) == 404
            assert await status(client, path, token("bob", key=ec_key, algorithm="ES256", kid="e")) == 403
            for _ in range(5):
                assert await status(client, path, token(key=stranger, algorithm="RS256", kid="x")) == 401
            assert await status(client, path, token(key=stranger, algorithm="RS256", kid="r")) == 401
            assert await status(client, path, token(algorithm="HS256")) == 401
        assert fetched == 1
    finally:
        await runner.cleanup()


async def test_while_the_keys_cannot_be_fetched_the_answer_is_503(gateway: Any) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    async with gateway(CW_JWKS_URL=f"http://127.0.0.1:{unused_port()}/keys") as (client, _):
        assert await status(client, "/v1/members/ada/row", token(key=key, algorithm="ES256", kid="e")) == 503


async def test_a_stream_ends_when_its_token_does(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.gateway.auth.LEEWAY_S", 0)
    async with gateway(CW_JWT_SECRET=SECRET) as (client, _):
        short = token(exp=int(time.time()) + 2)
        async with client.get(f"/v1/members/ada/row/stream?access_token={short}") as answer:
            assert answer.status == 200
            assert await answer.content.read() == b""
        short = token(exp=int(time.time()) + 2)
        async with client.ws_connect(f"/v1/members/ada/row/ws?access_token={short}") as socket:
            await socket.receive()
            assert socket.close_code == 4401


def test_without_authentication_only_loopback_is_bound() -> None:
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        check_bind(config.load({"CW_GATEWAY_HOST": host}))
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.org"):
        with pytest.raises(UsageError, match="CW_JWT_SECRET"):
            check_bind(config.load({"CW_GATEWAY_HOST": host}))
        check_bind(config.load({"CW_GATEWAY_HOST": host, "CW_JWT_SECRET": SECRET}))
