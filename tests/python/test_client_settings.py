"""Configurations and credentials: what they hold, that they are immutable, what the core is told, what is refused."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import CACHE, HOUR, Caller, Server, code_of, is_error, is_kind

import mayfly
from mayfly import Configurations, CredentialProvider, TopicConfigurations
from mayfly.config import AuthConfigurations, Configuration, TopicConfiguration
from mayfly.config.transport.topic_transport_strategy import StaticTopicGrpcConfiguration, StaticTopicTransportStrategy
from mayfly.config.transport.transport_strategy import (
    AdaptiveTransportStrategy,
    StaticGrpcConfiguration,
    StaticTransportStrategy,
)
from mayfly.errors import InvalidArgumentException
from mayfly.internal._settings import cache_settings, retries_of, topic_settings
from mayfly.retry import EligibilityStrategy, FixedCountRetryStrategy, FixedTimeoutRetryStrategy, RetryableProps

LOCAL = CredentialProvider.for_momento_local()
MESSAGE_BYTES = 5_243_000

# preset: deadline, target of `latest`, requests at once of `v1`, most connections, keepalive
PRESETS: dict[str, tuple[Any, int, int, int, int, int]] = {
    "Laptop": (Configurations.Laptop, 15_000, 0, 100, 64, 5000),
    "Lambda": (Configurations.Lambda, 1100, 20_000, 50, 1, 0),
    "InRegion.Default": (Configurations.InRegion.Default, 1100, 20_000, 50, 64, 5000),
    "InRegion.LowLatency": (Configurations.InRegion.LowLatency, 500, 5000, 5, 64, 5000),
}


def told(configuration: Configuration, credentials: CredentialProvider = LOCAL, retries: int = 0) -> dict[str, Any]:
    """Return what the core is told of a configuration."""
    return cache_settings(configuration, credentials, HOUR, retries)


def static(**more: Any) -> Configuration:
    """Return a configuration with settings of connections."""
    grpc = StaticGrpcConfiguration(timedelta(seconds=1), **more)
    return Configuration(StaticTransportStrategy(grpc), FixedCountRetryStrategy())


# --- Presets ---


@pytest.mark.parametrize("name", PRESETS)
def test_the_latest_preset_finds_its_concurrency_by_itself(name: str) -> None:
    preset, deadline_ms, target_us, _, connections, keepalive_ms = PRESETS[name]
    made = preset.latest()
    assert type(made) is preset
    settings = told(made)
    assert settings["is_adaptive"]
    assert settings["target_p999_us"] == target_us
    assert settings["max_in_flight"] == 6400
    assert (settings["deadline_ms"], settings["max_channels"]) == (deadline_ms, connections)
    assert settings["keepalive_interval_ms"] == keepalive_ms
    assert retries_of(made) == 3


@pytest.mark.parametrize("name", PRESETS)
def test_the_first_version_of_a_preset_stays_what_it_is(name: str) -> None:
    preset, deadline_ms, _, requests, connections, keepalive_ms = PRESETS[name]
    made = preset.v1()
    assert type(made) is preset
    assert told(made) == {
        "deadline_ms": deadline_ms, "keepalive_interval_ms": keepalive_ms, "keepalive_timeout_ms": 1000,
        "max_request_bytes": MESSAGE_BYTES, "max_reply_bytes": MESSAGE_BYTES, "max_in_flight": requests,
        "max_backlog": 100_000, "cache_host": "127.0.0.1", "control_host": "127.0.0.1", "port": 8080,
        "uses_tls": False, "api_key": "", "retries": 0, "min_channels": 1, "max_channels": connections, "ca_pem": None,
        "default_ttl_ms": 3_600_000}
    assert retries_of(made) == 3
    assert isinstance(made.get_transport_strategy(), StaticTransportStrategy)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("version", ["latest", "v1"])
def test_a_client_works_with_every_preset(
    open_client: Callable[..., Caller], name: str, version: str, key: str
) -> None:
    client = open_client(getattr(PRESETS[name][0], version)())
    assert is_kind(client.set(CACHE, key, "v"), "Success")


def test_the_preset_of_topics() -> None:
    made = TopicConfigurations.Default.latest()
    assert type(made) is TopicConfigurations.Default
    assert made.get_max_subscriptions() == 0
    settings = topic_settings(made, LOCAL)
    assert (settings["deadline_ms"], settings["retries"], settings["port"]) == (5000, 0, 8080)


@pytest.mark.parametrize(("preset", "deadline_ms"), [
    (AuthConfigurations.Laptop, 15_000), (AuthConfigurations.Lambda, 1100), (AuthConfigurations.InRegion.Default, 1100),
    (AuthConfigurations.InRegion.LowLatency, 500),
])
def test_the_presets_of_auth(preset: Any, deadline_ms: int) -> None:
    for made in (preset.latest(), preset.v1()):
        assert type(made) is preset
        deadline = made.get_transport_strategy().get_grpc_configuration().get_deadline()
        assert deadline == timedelta(milliseconds=deadline_ms)


# --- Copies ---


def test_a_changed_copy_leaves_the_configuration_as_it_was() -> None:
    base = Configurations.InRegion.Default.latest()
    before = told(base)
    other = FixedTimeoutRetryStrategy(retry_timeout_millis=1, retry_delay_interval_millis=1)
    assert base.with_client_timeout(timedelta(seconds=9)).get_transport_strategy().get_grpc_configuration(
        ).get_deadline() == timedelta(seconds=9)
    assert base.with_retry_strategy(other).get_retry_strategy() is other
    assert base.with_transport_strategy(
        StaticTransportStrategy(StaticGrpcConfiguration(HOUR))).get_transport_strategy() is not None
    assert told(base) == before
    assert retries_of(base) == 3


def test_two_presets_share_nothing() -> None:
    first, second = Configurations.Laptop.latest(), Configurations.Laptop.latest()
    assert first.get_transport_strategy() is not second.get_transport_strategy()
    first.get_middlewares().append(None)  # type: ignore[arg-type]
    assert first.get_middlewares() == []


@pytest.mark.parametrize("change", [
    lambda strategy: strategy.with_client_timeout(timedelta(seconds=2)),
    lambda strategy: strategy.with_grpc_configuration(StaticGrpcConfiguration(timedelta(seconds=2))),
    lambda strategy: strategy.with_max_concurrent_requests(7),
    lambda strategy: strategy.with_max_waiting_requests(7),
], ids=["timeout", "grpc", "concurrent", "waiting"])
@pytest.mark.parametrize("name", PRESETS)
def test_a_changed_strategy_is_of_the_same_kind(name: str, change: Callable[[Any], Any]) -> None:
    for made in (PRESETS[name][0].latest(), PRESETS[name][0].v1()):
        strategy = made.get_transport_strategy()
        changed = change(strategy)
        assert type(changed) is type(strategy)
        assert changed is not strategy
        if isinstance(strategy, AdaptiveTransportStrategy):
            assert changed.get_target_p999() == strategy.get_target_p999()


def test_a_timeout_keeps_everything_else() -> None:
    base = Configurations.InRegion.LowLatency.latest()
    changed = base.with_client_timeout(timedelta(seconds=2))
    assert {**told(base), "deadline_ms": 2000} == told(changed)


def test_an_adaptive_strategy_changes_its_target() -> None:
    strategy = AdaptiveTransportStrategy(StaticGrpcConfiguration(HOUR))
    changed = strategy.with_target_p999(timedelta(milliseconds=7))
    assert (strategy.get_target_p999(), changed.get_target_p999()) == (None, timedelta(milliseconds=7))
    assert changed.with_target_p999(None).get_target_p999() is None


def test_topics_are_configured_by_copies_too() -> None:
    base = TopicConfigurations.Default.latest()
    assert base.with_max_subscriptions(7).get_max_subscriptions() == 7
    changed = base.with_client_timeout(timedelta(seconds=2))
    assert topic_settings(changed, LOCAL)["deadline_ms"] == 2000
    strategy = StaticTopicTransportStrategy(StaticTopicGrpcConfiguration(timedelta(seconds=3)))
    assert topic_settings(base.with_transport_strategy(strategy), LOCAL)["deadline_ms"] == 3000
    assert base.get_max_subscriptions() == 0
    assert topic_settings(base, LOCAL)["deadline_ms"] == 5000


def test_middlewares_are_added_behind_and_replaced() -> None:
    class Nothing(mayfly.config.middleware.synchronous.Middleware):  # type: ignore[name-defined]
        def on_new_request(self, context: Any) -> Any:
            raise NotImplementedError

    a, b, c = Nothing(), Nothing(), Nothing()
    base = Configurations.Laptop.latest().add_middleware(a).add_middleware(b)
    assert base.get_middlewares() == base.get_sync_middlewares() == [a, b]
    assert base.get_async_middlewares() == []
    assert base.with_middlewares([c]).get_middlewares() == [c]
    assert base.with_client_timeout(HOUR).get_middlewares() == [a, b]
    assert base.with_retry_strategy(FixedCountRetryStrategy()).get_middlewares() == [a, b]


# --- What the core is told ---


def test_the_core_is_told_every_setting_of_connections() -> None:
    settings = told(static(
        root_certificates_pem=b"pem", max_send_message_length=1000, max_receive_message_length=2000,
        keepalive_time=timedelta(seconds=7), keepalive_timeout=timedelta(seconds=3), min_connections=2,
        max_connections=5), retries=2)
    wanted = {"ca_pem": b"pem", "max_request_bytes": 1000, "max_reply_bytes": 2000, "keepalive_interval_ms": 7000,
              "keepalive_timeout_ms": 3000, "min_channels": 2, "max_channels": 5, "retries": 2, "deadline_ms": 1000}
    assert {name: settings[name] for name in wanted} == wanted


def test_no_keepalive_is_no_keepalive() -> None:
    settings = told(static(keepalive_time=None, keepalive_timeout=None))
    assert (settings["keepalive_interval_ms"], settings["keepalive_timeout_ms"]) == (0, 1000)


def test_less_than_a_millisecond_is_a_millisecond() -> None:
    assert told(static().with_client_timeout(timedelta(microseconds=1)))["deadline_ms"] == 1
    adaptive = AdaptiveTransportStrategy(StaticGrpcConfiguration(HOUR), target_p999=timedelta(microseconds=1))
    assert told(Configuration(adaptive, FixedCountRetryStrategy()))["target_p999_us"] == 1


class Nothing(EligibilityStrategy):
    """Nothing may be sent again."""

    def is_eligible_for_retry(self, props: RetryableProps) -> bool:
        return False


@pytest.mark.parametrize(("strategy", "retries"), [
    (FixedCountRetryStrategy(), 3), (FixedCountRetryStrategy(max_attempts=0), 0),
    (FixedCountRetryStrategy(max_attempts=-5), 0), (FixedCountRetryStrategy(max_attempts=1000), 100),
    (FixedCountRetryStrategy(eligibility_strategy=Nothing()), None),
    (FixedTimeoutRetryStrategy(retry_timeout_millis=1, retry_delay_interval_millis=1), None),
])
def test_the_core_retries_by_itself_what_needs_no_asking(strategy: Any, retries: Any) -> None:
    assert retries_of(Configurations.Laptop.latest().with_retry_strategy(strategy)) == retries


@pytest.mark.parametrize(("endpoint", "host", "port"), [
    ("cache.example.com", "cache.example.com", 443), ("cache.example.com:9443", "cache.example.com", 9443),
    ("127.0.0.1:9443", "127.0.0.1", 9443), ("::1", "::1", 443), ("[::1]", "::1", 443), ("[::1]:9443", "::1", 9443),
])
def test_an_endpoint_may_name_its_port(endpoint: str, host: str, port: int) -> None:
    settings = told(static(), CredentialProvider("key", endpoint, endpoint, endpoint, 443))
    assert (settings["cache_host"], settings["control_host"], settings["port"]) == (host, host, port)
    assert settings["api_key"] == "key"


@pytest.mark.parametrize(("port", "secure", "uses_tls"), [
    (443, None, True), (8080, None, False), (443, False, False), (8080, True, True),
])
def test_tls_goes_by_the_port_unless_it_is_said(port: int, secure: Any, uses_tls: bool) -> None:
    provider = CredentialProvider("", "h", "h", "h", port, secure_connection=secure)
    assert provider.is_endpoint_secure() == uses_tls
    assert told(static(), provider)["uses_tls"] == uses_tls


def test_root_certificates_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"pem")
    base = Configurations.Laptop.latest()
    assert told(base.with_root_certificates_pem(tmp_path / "ca.pem"))["ca_pem"] == b"pem"
    assert told(base)["ca_pem"] is None
    with pytest.raises(FileNotFoundError, match="Root certificate file not found at path: "):
        base.with_root_certificates_pem(tmp_path / "no.pem")


# --- What is refused ---


@pytest.mark.parametrize(("make", "sentence"), [
    (lambda: static(min_connections=0), "min_connections must be a whole number from 1 to 1,024."),
    (lambda: static(max_connections=1025), "max_connections must be a whole number from 1 to 1,024."),
    (lambda: static(min_connections=5, max_connections=4), "max_connections must be a whole number from 5 to 1,024."),
    (lambda: static(max_connections=2.0), "max_connections must be a whole number from 1 to 1,024."),
    (lambda: static(max_connections=True), "max_connections must be a whole number from 1 to 1,024."),
    (lambda: StaticTransportStrategy(StaticGrpcConfiguration(HOUR), max_concurrent_requests=0),
     "max_concurrent_requests must be a whole number from 1 to 1,000,000."),
    (lambda: StaticTransportStrategy(StaticGrpcConfiguration(HOUR), max_waiting_requests=-1),
     "max_waiting_requests must be a whole number from 0 to 10,000,000."),
    (lambda: Configurations.Laptop.latest().get_transport_strategy().with_max_concurrent_requests(10**7),
     "max_concurrent_requests must be a whole number from 1 to 1,000,000."),
    (lambda: AdaptiveTransportStrategy(StaticGrpcConfiguration(HOUR), target_p999=timedelta(0)),
     "target_p999 must be a timedelta of more than 0 and at most 1 hour."),
    (lambda: AdaptiveTransportStrategy(StaticGrpcConfiguration(HOUR), target_p999=timedelta(hours=2)),
     "target_p999 must be a timedelta of more than 0 and at most 1 hour."),
    (lambda: AdaptiveTransportStrategy(StaticGrpcConfiguration(HOUR), target_p999=20),  # type: ignore[arg-type]
     "target_p999 must be a timedelta of more than 0 and at most 1 hour."),
    (lambda: Configurations.Laptop.latest().with_client_timeout(timedelta(0)),
     "Request timeout must be a positive amount of time."),
    (lambda: Configurations.Laptop.latest().with_client_timeout(5),  # type: ignore[arg-type]
     "Request timeout must be a timedelta."),
    (lambda: TopicConfigurations.Default.latest().with_client_timeout(timedelta(-1)),
     "Request timeout must be a positive amount of time."),
    (lambda: AuthConfigurations.Laptop.latest().with_client_timeout(timedelta(0)),
     "Request timeout must be a positive amount of time."),
], ids=str)
def test_settings_that_make_no_sense_are_refused_with_a_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(InvalidArgumentException) as raised:
        make()
    assert raised.value.message == sentence


BAD_CLIENTS: dict[str, tuple[Callable[[], Configuration], CredentialProvider, Any, str]] = {
    "ttl zero": (Configurations.Laptop.latest, LOCAL, timedelta(0), "TTL must be a positive amount of time."),
    "ttl negative": (Configurations.Laptop.latest, LOCAL, timedelta(-1), "TTL must be a positive amount of time."),
    "ttl int": (Configurations.Laptop.latest, LOCAL, 60, "TTL must be a timedelta."),
    "deadline zero": (lambda: Configuration(StaticTransportStrategy(StaticGrpcConfiguration(timedelta(0))),
                                            FixedCountRetryStrategy()), LOCAL, HOUR, "Request timeout must be"),
    "deadline long": (lambda: Configurations.Laptop.latest().with_client_timeout(timedelta(days=365)), LOCAL, HOUR, ""),
    "port zero": (Configurations.Laptop.latest, CredentialProvider("", "h", "h", "h", 0), HOUR,
                  "a port is 1 to 65,535"),
    "port large": (Configurations.Laptop.latest, CredentialProvider("", "h", "h", "h", 65536), HOUR,
                   "a port is 1 to 65,535"),
    "port negative": (Configurations.Laptop.latest, CredentialProvider("", "h", "h", "h", -1), HOUR, ""),
    "two ports": (Configurations.Laptop.latest, CredentialProvider("", "h:1", "h:2", "h", 3), HOUR,
                  "The cache and control endpoints must have the same port."),
    "zero in the host": (Configurations.Laptop.latest, CredentialProvider("", "h\0", "h\0", "h", 1), HOUR,
                         "contains a zero"),
    "messages negative": (lambda: static(max_send_message_length=-2), LOCAL, HOUR, ""),
    "messages large": (lambda: static(max_receive_message_length=2**40), LOCAL, HOUR, "4,294,967,295"),
}


@pytest.mark.parametrize("name", BAD_CLIENTS)
def test_a_client_that_makes_no_sense_is_refused_with_a_sentence(open_client: Callable[..., Caller], name: str) -> None:
    make, credentials, ttl, sentence = BAD_CLIENTS[name]
    with pytest.raises(InvalidArgumentException) as raised:
        open_client(make(), ttl, credentials)
    assert sentence in raised.value.message
    assert len(raised.value.message.split()) > 3


# --- Credentials ---


def jwt(claims: Any, header: Any = None) -> str:
    """Return a JSON Web Token."""
    parts = [json.dumps(header or {"alg": "none"}).encode(), json.dumps(claims).encode(), b"signature"]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


V1 = base64.b64encode(json.dumps({"endpoint": "cell.example.com", "api_key": "secret-key"}).encode()).decode()
CLAIMS = jwt({"cp": "control.example.com", "c": "cache.example.com"})
V2 = jwt({"t": "g", "id": "secret-id"})


def old_form(function: Callable[..., CredentialProvider], *args: Any, **keywords: Any) -> CredentialProvider:
    """Call what is deprecated."""
    with pytest.warns(DeprecationWarning, match="is deprecated, use from_"):
        return function(*args, **keywords)


def test_a_local_server_needs_no_key() -> None:
    provider = CredentialProvider.for_momento_local()
    assert (provider.cache_endpoint, provider.port, provider.auth_token) == ("127.0.0.1", 8080, "")
    assert not provider.is_endpoint_secure()
    other = CredentialProvider.for_momento_local("cache.local", 9)
    assert (other.cache_endpoint, other.control_endpoint, other.port) == ("cache.local", "cache.local", 9)


def test_a_key_in_base64_carries_its_endpoint() -> None:
    provider = old_form(CredentialProvider.from_string, V1)
    assert provider == CredentialProvider(
        "secret-key", "control.cell.example.com", "cache.cell.example.com", "token.cell.example.com", 443, True)
    assert provider.get_auth_token() == "secret-key"


def test_a_token_carries_its_endpoints_as_claims() -> None:
    provider = CredentialProvider.from_disposable_token(CLAIMS)
    assert (provider.cache_endpoint, provider.control_endpoint) == ("cache.example.com", "control.example.com")
    assert provider.auth_token == CLAIMS
    assert provider.is_endpoint_secure()


def test_a_key_of_the_second_version_goes_to_an_endpoint() -> None:
    provider = CredentialProvider.from_api_key_v2(V2, "cell.example.com:9443")
    assert (provider.cache_endpoint, provider.control_endpoint, provider.token_endpoint) == (
        "cache.cell.example.com", "control.cell.example.com", "token.cell.example.com")
    assert (provider.auth_token, provider.port) == (V2, 9443)


@pytest.mark.parametrize("endpoint", ["localhost:9443", "127.0.0.1:9443", "[::1]:9443"])
def test_an_address_has_no_names_before_it(endpoint: str) -> None:
    provider = CredentialProvider.from_api_key_v2(V2, endpoint)
    assert provider.cache_endpoint == provider.control_endpoint == endpoint.rpartition(":")[0].strip("[]")


def test_endpoints_given_beside_a_key_take_the_place_of_its_own() -> None:
    provider = old_form(
        CredentialProvider.from_string, V1, control_endpoint="a", cache_endpoint="b", token_endpoint="c")
    assert (provider.control_endpoint, provider.cache_endpoint, provider.token_endpoint) == ("a", "b", "c")


def test_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOMENTO_API_KEY", V2)
    monkeypatch.setenv("MOMENTO_ENDPOINT", "cell.example.com")
    monkeypatch.setenv("MINE", V1)
    assert CredentialProvider.from_environment_variables_v2() == CredentialProvider.from_api_key_v2(
        V2, "cell.example.com")
    assert CredentialProvider.from_environment_variables_v2("MOMENTO_API_KEY", "MOMENTO_ENDPOINT").auth_token == V2
    assert old_form(CredentialProvider.from_environment_variable, "MINE").auth_token == "secret-key"


def test_what_the_environment_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOMENTO_API_KEY", raising=False)
    monkeypatch.setenv("EMPTY", "")
    with pytest.raises(RuntimeError, match="Missing required environment variable MOMENTO_API_KEY"):
        CredentialProvider.from_environment_variables_v2()
    with pytest.raises(RuntimeError, match="Missing required environment variable EMPTY"):
        old_form(CredentialProvider.from_environment_variable, "EMPTY")
    for names in (("", "E"), ("K", "")):
        with pytest.raises(InvalidArgumentException, match="environment variable name cannot be empty"):
            CredentialProvider.from_environment_variables_v2(*names)


def b64(value: Any) -> str:
    """Return base64 of JSON."""
    return base64.b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize("key", [
    "", " ", "no-key-at-all", "a.b.c", "a.b", b64([1]), b64({"endpoint": "e"}), b64({"endpoint": 1, "api_key": "k"}),
    b64({"endpoint": "a b", "api_key": "k"}), b64({"endpoint": "e", "api_key": ""}),
    b64({"endpoint": "e", "api_key": "k\n"}), jwt({}), jwt({"cp": "a"}), jwt({"cp": "a:1", "c": "b:2"}), jwt([1]),
    jwt({"cp": "a", "c": "b:99999"}), V2, None, 7,
], ids=lambda key: repr(key)[:20])
def test_a_malformed_key_is_refused_and_not_repeated(key: Any) -> None:
    with pytest.raises(InvalidArgumentException) as raised, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        CredentialProvider.from_string(key)
    assert raised.value.error_code.name == "INVALID_ARGUMENT_ERROR"
    if isinstance(key, str) and len(key) > 10:
        assert key not in repr(raised.value)


@pytest.mark.parametrize(("key", "endpoint"), [
    ("", "e"), (V2, ""), (V1, "e"), (CLAIMS, "e"), ("text", "e"), (V2, "a b"), (V2, "host:port"), (V2, "host:0"),
    (V2, "host:65536"), (V2, "https://host"), (V2, "[::1"), (V2, "a" * 64), (None, "e"),
], ids=lambda value: repr(value)[:16])
def test_a_key_or_endpoint_of_the_second_version_that_is_none_is_refused(key: Any, endpoint: str) -> None:
    with pytest.raises(InvalidArgumentException) as raised:
        CredentialProvider.from_api_key_v2(key, endpoint)
    assert "secret" not in repr(raised.value)


def test_an_empty_token_is_refused() -> None:
    with pytest.raises(InvalidArgumentException, match="Disposable token cannot be empty"):
        CredentialProvider.from_disposable_token("")


def test_a_key_is_not_shown() -> None:
    provider = CredentialProvider.from_api_key_v2(V2, "cell.example.com")
    assert V2 not in repr(provider)
    assert V2 not in str(provider)
    assert "cache.cell.example.com" in repr(provider)
    assert copy.copy(provider) == provider


@pytest.fixture(scope="session")
def secure_server(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path, str]]:
    """Run a server with TLS and keys; with it come the certificate to trust and a key."""
    folder = tmp_path_factory.mktemp("secure")
    certificate, private, keys = folder / "certificate.pem", folder / "key.pem", folder / "keys"
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(private), "-out",
         str(certificate)], check=True, capture_output=True, timeout=60)
    created = subprocess.run(
        [str(binary), "key", "create", "--v2", "--endpoint", "localhost", "--name", "tests", "--api-keys", str(keys)],
        check=True, capture_output=True, text=True, timeout=60)
    running = Server(
        binary, "--tls-certificate", str(certificate), "--tls-key", str(private), "--api-keys", str(keys))
    yield running, certificate, created.stdout.strip()
    running.stop()


def test_a_client_with_a_key_and_the_roots_is_served(
    open_client: Callable[..., Caller], secure_server: tuple[Server, Path, str], key: str
) -> None:
    server, roots, api_key = secure_server
    trusting = Configurations.Laptop.latest().with_root_certificates_pem(roots)
    client = open_client(trusting, provider=CredentialProvider.from_api_key_v2(api_key, f"localhost:{server.port}"))
    assert is_kind(client.create_cache(key), "Success")
    assert is_kind(client.set(key, "k", "v"), "Success")
    assert client.get(key, "k").value_string == "v"


def test_a_client_with_another_key_is_not_served(
    open_client: Callable[..., Caller], secure_server: tuple[Server, Path, str], key: str
) -> None:
    server, roots, _ = secure_server
    trusting = Configurations.Laptop.latest().with_root_certificates_pem(roots)
    client = open_client(trusting, provider=CredentialProvider.from_api_key_v2(V2, f"localhost:{server.port}"))
    assert code_of(client.get(CACHE, key)) == "AUTHENTICATION_ERROR"


def test_a_client_without_the_roots_trusts_nobody(
    open_client: Callable[..., Caller], secure_server: tuple[Server, Path, str], key: str
) -> None:
    server, _, api_key = secure_server
    settings = Configurations.Laptop.latest().with_client_timeout(timedelta(milliseconds=300))
    client = open_client(settings, provider=CredentialProvider.from_api_key_v2(api_key, f"localhost:{server.port}"))
    assert code_of(client.get(CACHE, key)) in ("SERVER_UNAVAILABLE", "TIMEOUT_ERROR")


def test_root_certificates_that_are_none_are_told(
    open_client: Callable[..., Caller], secure_server: tuple[Server, Path, str], tmp_path: Path
) -> None:
    server, _, api_key = secure_server
    (tmp_path / "ca.pem").write_text("no certificate")
    settings = Configurations.Laptop.latest().with_root_certificates_pem(tmp_path / "ca.pem")
    client = open_client(settings, provider=CredentialProvider.from_api_key_v2(api_key, f"localhost:{server.port}"))
    response = client.get(CACHE, "k")
    assert is_error(response)
    assert "certificate" in response.message


def test_a_client_finds_a_server_by_name(open_client: Callable[..., Caller], server: Server, key: str) -> None:
    client = open_client(provider=CredentialProvider.for_momento_local("localhost", server.port))
    assert is_kind(client.set(CACHE, key, "v"), "Success")


def test_topics_take_the_same_credentials() -> None:
    assert topic_settings(TopicConfiguration(StaticTopicTransportStrategy(
        StaticTopicGrpcConfiguration(timedelta(seconds=1)))), LOCAL)["cache_host"] == "127.0.0.1"
