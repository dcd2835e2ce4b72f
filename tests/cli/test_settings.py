"""Settings: what is taken, from where, what is refused and in which words."""

import json
from pathlib import Path

import pytest

from ronde.shared.whole_settings import WholeSettings
from schemas.contract.topics import TOPICS
from service.client_properties import ALIASES, OWNED, PROPERTIES, refusals
from streams.escalation.procedures import DEFAULTS
from streams.settings import Settings, SettingsError, load
from tests.conftest import Run

NO_FILE = None


def write(folder: Path, text: str) -> Path:
    path = folder / "ronde.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path | None = NO_FILE, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(path, environ)
    return [str(problem) for problem in caught.value.problems]


def test_without_file_and_environment_everything_has_its_default() -> None:
    settings = load(NO_FILE, {"PATH": "/bin"})
    assert settings.prefix == "ronde."
    assert settings.topic("call-results") == "ronde.call-results"
    assert settings.client("consumer") == {"bootstrap.servers": "localhost:9092"}
    assert settings.registry.url is None
    assert settings.procedures() == DEFAULTS
    assert {shown.origin for shown in settings.shown()} == {"default"}


def test_the_environment_wins_over_the_file_and_each_value_says_where_it_is_from(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        prefix = "file."
        [kafka]
        "bootstrap.servers" = "one:9092"
        fetch.min.bytes = 7              # without quotes it is the same name
        "socket.keepalive.enable" = true
        [worker]
        port = 8000
        """,
    )
    settings = load(path, {"RONDE_KAFKA__BOOTSTRAP_SERVERS": "two:9092", "RONDE_WORKER__PORT": "8001"})
    assert (settings.prefix, settings.worker.port) == ("file.", 8001)
    assert settings.kafka == {
        "bootstrap.servers": "two:9092",
        "fetch.min.bytes": "7",
        "socket.keepalive.enable": "true",
    }
    shown = {name: (value, origin) for name, value, origin in settings.shown()}
    assert shown["prefix"] == ("file.", str(path))
    assert shown["worker.port"] == (8001, "RONDE_WORKER__PORT")
    assert shown["kafka.bootstrap.servers"] == ("two:9092", "RONDE_KAFKA__BOOTSTRAP_SERVERS")
    assert shown["worker.stall_seconds"] == (10, "default")


def test_every_setting_can_be_given_by_environment() -> None:
    environ = {
        "RONDE_PREFIX": "",
        "RONDE_TOPICS__REPLICATION_FACTOR": "3",
        "RONDE_WORKER__GROUP_PROTOCOL": "classic",
        "RONDE_WORKER__DATA_DIR": "/var/lib/ronde",
        "RONDE_REGISTRY__URL": "",  # a variable cannot be null: empty is none
        "RONDE_PROCEDURES__FIRE__VERSION": "fire/night",
        "RONDE_PROCEDURES__FIRE__CONFIRMS": "true",
        "RONDE_PROCEDURES__FIRE__DEFAULT_PARTNER": "brigade",
        "RONDE_PROCEDURES__SECURITY__VERSION": "security/2",
        "RONDE_PROCEDURES__SECURITY__WAIT_SECONDS": "300",
    }
    settings = load(NO_FILE, environ)
    assert (settings.prefix, settings.registry.url, settings.topics.replication_factor) == ("", None, 3)
    assert settings.worker.data_dir == Path("/var/lib/ronde")
    security, fire = settings.procedures()["SECURITY"], settings.procedures()["FIRE"]
    assert (fire.name, fire.version, fire.confirms, fire.default_partner) == ("FIRE", "fire/night", True, "brigade")
    assert (security.version, security.wait_seconds, security.call_timeout_seconds) == ("security/2", 300, 120)


def test_a_batch_may_be_as_large_as_the_smallest_limit_of_a_topic() -> None:
    most = min(topic.max_message_bytes for topic in TOPICS.values())
    environ = {"RONDE_KAFKA__BATCH_SIZE": str(most)}
    assert load(NO_FILE, environ).client("producer")["batch.size"] == str(most)
    with pytest.raises(SettingsError, match=r"RONDE_KAFKA__BATCH_SIZE: kafka\.batch\.size: topics take at most"):
        load(NO_FILE, {"RONDE_KAFKA__BATCH_SIZE": str(most + 1)})


def test_each_client_gets_the_properties_it_understands() -> None:
    settings = load(NO_FILE, {"RONDE_KAFKA__LINGER_MS": "7", "RONDE_KAFKA__FETCH_MIN_BYTES": "2"})
    assert "linger.ms" in settings.client("producer")
    assert "linger.ms" not in settings.client("consumer")
    assert "fetch.min.bytes" in settings.client("consumer")
    assert settings.client("admin") == {"bootstrap.servers": "localhost:9092"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("partitions = 3", "partitions: unknown setting. Did you mean topics.partitions?"),
        ("[worker]\nprot = 1", "worker.prot: unknown setting. Did you mean worker.port?"),
        ("[wroker]\nport = 1", "wroker: unknown setting. Did you mean worker?"),
        ("worker = 1", "worker: is a table: write [worker] and its settings below it"),
        ("[kafka]\n'linger.mss' = 5", "kafka.linger.mss: unknown setting. Did you mean kafka.linger.ms?"),
        ("[procedures.FIER]", "procedures.FIER: unknown setting. Did you mean procedures.FIRE?"),
        ("zzzzzz = 1", "zzzzzz: unknown setting. `ronde settings` shows all names"),
        ("[kafka]\n'group.id' = 'x'", "kafka.group.id: is not to be set here: set worker.group"),
        ("[kafka]\n'sasl.mechanisms' = 'PLAIN'", "kafka.sasl.mechanisms: write sasl.mechanism instead"),
        ("[kafka]\n'linger.ms' = [5]", "kafka.linger.ms: is not a value of librdkafka"),
        ("[kafka]\n'linger.ms' = -1", "kafka.linger.ms: librdkafka refuses it: "),
        ("[kafka]\n'batch.size' = 1000001", "kafka.batch.size: topics take at most 1000000 bytes at once"),
        ("[kafka]\n'security.protocol' = 'tls'", "kafka.security.protocol: librdkafka refuses it: Invalid value"),
        ("[worker]\nport = '80'", "worker.port: '80' is not allowed"),
        ("[worker]\nport = 65536", "a whole number from 0 (any free one) to 65535"),
        ("[worker]\nport = true", "worker.port: True is not allowed"),
        ("[log]\nlevel = 'loud'", "log.level: 'loud' is not allowed: input should be 'debug', 'info'"),
        ("prefix = 'a b'", "letters, digits, '.', '_', '-'"),
        (f"prefix = '{'p' * 240}'", "prefix: "),
        ("[registry]\nurl = 'localhost:8081'", "it does not begin with http:// or https://"),
        (
            "[registry]\nurl = 'https://user:pass/word@registry'",
            "it cannot be read (in a name or password, '/', '@', ':'",
        ),
        ("[registry]\nurl = 'https://'", "registry.url: its value is not allowed: it cannot be read"),
        ("[registry]\nca_file = '/none'", "registry.ca_file: '/none' is not allowed: it cannot be read (No such file"),
        ("[registry]\nca_file = '/dev/null'", "registry.ca_file: '/dev/null' is not allowed: it holds no certificate"),
        (
            "[kafka]\n'ssl.ca.location' = '/none'\n'security.protocol' = 'ssl'",
            "kafka.ssl.ca.location: librdkafka refuses it",
        ),
        ("[procedures.FIRE]\nrequests = 0", "procedures.FIRE.requests: 0 is not allowed"),
        ("[procedures.FIRE]\nrequests = 3.0", "procedures.FIRE.requests: 3.0 is not allowed"),
        ("[procedures.FIRE]\nversion = ' '", "procedures.FIRE.version: ' ' is not allowed"),
        ("[procedures.FIRE]\ndefault_partner = ''", "procedures.FIRE.default_partner: '' is not allowed"),
        (f"[procedures.FIRE]\ndefault_partner = '{'é' * 65}'", "it is longer than 128 bytes"),
        ("prefix = ", "is not a TOML file: "),
        (f"prefix = {'[' * 100_000}", "is nested too deeply"),
        (f"[kafka]\n{'a.' * 1_500}a = 1", "is nested too deeply"),
        (f"[worker]\nport.{'a.' * 1_500}a = 1", "worker.port: its value is not allowed"),
    ],
)
def test_what_a_file_may_not_say_is_named_with_the_file_and_what_to_do(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    (problem,) = refused(path)
    assert problem.startswith(f"{path}: ")
    assert told in problem


def test_values_that_do_not_fit_each_other_are_named_and_none_is_quoted(tmp_path: Path) -> None:
    path = write(tmp_path, f"[receiver]\nwrapping_key = '{'5e' * 32}'\n")
    with pytest.raises(SettingsError) as caught:
        load(path, {"RONDE_RECEIVER__TLS_PORT": "6072"}, WholeSettings)
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(f"{path}, RONDE_RECEIVER__TLS_PORT: receiver: tls_port needs tls_certificate and tls_key")
    assert "5e5e" not in problem


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[receiver]\nhost = 'a..b'", "receiver.host: 'a..b' is not allowed: no name or address of a host"),
        (f"[worker]\nhost = '{'a' * 64}'", "worker.host: "),
        ("[desk]\npages_host = 'é..x'", "desk.pages_host: "),
        ("[watchdog]\ncanary_receiver = 'a..b:6070'", "watchdog.canary_receiver: "),
        ("[watchdog]\ncanary_receiver = 'receiver:65536'", "watchdog.canary_receiver: "),
        ("[watchdog]\ncanary_receiver = 'receiver:0'", "it is no HOST:PORT, as 127.0.0.1:6070"),
        ('[web]\ntokens_file = "a\\u0000b"', "web.tokens_file: 'a\\x00b' is not allowed: no file has U+0000"),
        ('[seal]\nkey_file = "a\\u0000b"', "seal.key_file: "),
        ("[web]\ntrusted_proxies = '10.0.0.0/8, 10.0.0.0/33'", "10.0.0.0/33 is no address, and no network as"),
        ("[web]\ntrusted_proxies = '10.0.0.1/8'", "web.trusted_proxies: "),
        ("[web]\ntrusted_proxies = 'proxy.example'", "web.trusted_proxies: "),
        ("[desk]\npublic_url = 'https://desk.example:65536'", "desk.public_url: "),
        ("[desk]\npublic_url = 'https://name:word@desk.example'", "desk.public_url: "),
        ("[portal]\npublic_url = 'https://portal.example?a'", "portal.public_url: "),
        ("[partners]\npublic_url = 'https://gardé.example'", "in the ASCII form that browsers send"),
        ("[portal]\ncountry = 'XX'", "portal.country: 'XX' is not allowed: no phone number belongs there"),
    ],
)
def test_what_no_process_could_use_is_refused_before_one_starts(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load(path, {}, WholeSettings)
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(f"{path}: ")
    assert told in problem


def test_addresses_that_can_be_used_are_taken(tmp_path: Path) -> None:
    text = """
    [web]
    trusted_proxies = "10.0.0.0/8, ::1,"
    [receiver]
    host = "::"
    [desk]
    public_url = "http://[::1]:6080"
    [portal]
    public_url = "https://portal.example/"
    country = "CH"
    [watchdog]
    canary_account = "CA11"
    canary_receiver = "[::1]:65535"
    """
    settings = load(write(tmp_path, text), {}, WholeSettings)
    assert settings.web.proxies == ["10.0.0.0/8", "::1"]
    assert settings.portal.public_url == "https://portal.example"  # what paths are put behind


def test_files_of_a_tls_port_that_is_none_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "[receiver]\ntls_certificate = 'a.pem'\ntls_client_ca = 'b.pem'\n")
    with pytest.raises(SettingsError) as caught:
        load(path, {}, WholeSettings)
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(f"{path}: receiver: tls_certificate, tls_client_ca without tls_port")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path / "none.toml")
    assert problem == f"{tmp_path / 'none.toml'}: cannot be read: No such file or directory. Name an existing file"


def test_an_unknown_variable_is_refused_with_the_nearest_one() -> None:
    assert refused(RONDE_WORKER_PORT="1") == ["RONDE_WORKER_PORT: unknown setting. Did you mean RONDE_WORKER__PORT?"]
    assert refused(RONDE_KAFKA__GROUP_ID="x") == [
        "RONDE_KAFKA__GROUP_ID: kafka.group.id: is not to be set here: set worker.group"
    ]
    assert refused(RONDE_WORKER__PORT="http")[0].startswith("RONDE_WORKER__PORT: worker.port: 'http' is not allowed")


def test_what_kubernetes_puts_into_a_pod_beside_a_service_called_ronde_is_not_a_setting() -> None:
    load(
        NO_FILE,
        {
            "RONDE_SERVICE_HOST": "10.96.0.7",
            "RONDE_SERVICE_PORT": "6066",
            "RONDE_SERVICE_PORT_HTTP": "6066",
            "RONDE_PORT": "tcp://10.96.0.7:6066",
            "RONDE_PORT_6066_TCP": "tcp://10.96.0.7:6066",
            "RONDE_PORT_6066_TCP_PROTO": "tcp",
            "RONDE_PORT_6066_TCP_PORT": "6066",
            "RONDE_PORT_6066_TCP_ADDR": "10.96.0.7",
        },
    )


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "prefix = 3\n[worker]\nprot = 1\n[log]\nlevel = 'loud'\n")
    assert len(refused(path, RONDE_KAFKA__ACKS="1", RONDE_KAFKA__LINGER_MS="-1")) == 5


@pytest.mark.parametrize("version", ["", 'version = "security/1"', 'version = "fire/1"'])
def test_a_value_replaced_needs_a_new_version(tmp_path: Path, version: str) -> None:
    (problem,) = refused(write(tmp_path, f"[procedures.SECURITY]\nwait_seconds = 30\n{version}"))
    assert 'procedures.SECURITY.version: "' in problem
    assert 'wait_seconds replaced here: give these values a version of their own, as version = "security/2"' in problem


def test_a_value_that_is_the_shipped_one_needs_none(tmp_path: Path) -> None:
    path = write(tmp_path, "[procedures.SECURITY]\nwait_seconds = 600\n[procedures.FIRE]\nconfirms = false\n")
    assert load(path, {}).procedures() == DEFAULTS


def test_the_version_of_the_other_procedure_is_no_name_for_this_one(tmp_path: Path) -> None:
    (problem,) = refused(write(tmp_path, '[procedures.FIRE]\nversion = "security/1"'))
    assert "the shipped version of the other procedure" in problem


def test_a_secret_is_read_from_where_it_is_referred_to_and_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("passphrase-1\n", encoding="utf-8")
    path = write(
        tmp_path,
        """
        [kafka]
        "security.protocol" = "SASL_PLAINTEXT"
        "sasl.mechanism" = "PLAIN"
        "sasl.username" = { env = "KAFKA_USER" }
        "sasl.password" = { env = "KAFKA_PASSWORD" }
        "ssl.key.password" = { file = "key" }
        [registry]
        url = "https://user:password-2@registry"
        """,
    )
    settings = load(path, {"KAFKA_USER": "user-3", "KAFKA_PASSWORD": "password-4"})
    properties = settings.client("producer")
    assert (properties["sasl.username"], properties["sasl.password"]) == ("user-3", "password-4")
    assert properties["ssl.key.password"] == "passphrase-1"
    assert settings.registry.url == "https://user:password-2@registry"
    shown = {name: (value, origin) for name, value, origin in settings.shown()}
    assert shown["kafka.sasl.password"] == ("********", f"{path} (environment variable KAFKA_PASSWORD)")
    assert shown["kafka.ssl.key.password"] == ("********", f"{path} (file {tmp_path / 'key'})")
    assert shown["registry.url"] == ("https://********@registry", str(path))
    for planted in ("passphrase-1", "password-2", "user-3", "password-4"):
        assert planted not in repr(settings) + str(settings) + repr(settings.shown())


@pytest.mark.parametrize("address", ["user:p@ss", "user:1/p@ss", ":p", "p"])
def test_whatever_stands_before_an_address_is_masked(address: str) -> None:
    shown = {
        name: value for name, value, _ in load(NO_FILE, {"RONDE_REGISTRY__URL": f"http://{address}@reg/x"}).shown()
    }
    assert shown["registry.url"] == "http://********@reg/x"


def test_a_secret_written_out_is_masked_too() -> None:
    settings = load(NO_FILE, {"RONDE_KAFKA__SASL_PASSWORD": "planted"})
    assert "planted" not in repr(settings.shown())


def test_a_reference_to_nothing_is_told_without_the_secrets_that_are_there(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [kafka]
        "sasl.password" = { env = "NONE" }
        "ssl.key.password" = { file = "none" }
        "ssl.key.pem" = ["planted"]
        """,
    )
    problems = refused(path)
    assert len(problems) == 3
    assert "kafka.sasl.password: refers to the environment variable NONE, which is not there" in problems[0]
    assert f"refers to the file {tmp_path / 'none'}, which is not there" in problems[1]
    assert "planted" not in "".join(problems)


def test_what_librdkafka_says_of_a_secret_does_not_contain_it() -> None:
    problems = refused(RONDE_KAFKA__SSL_KEY_PEM="planted", RONDE_KAFKA__SECURITY_PROTOCOL="SSL")
    assert "ssl.key.pem" in problems[0]
    assert "planted" not in problems[0]


def test_settings_do_not_change_once_loaded() -> None:
    settings: Settings = load(NO_FILE, {})
    with pytest.raises(ValueError, match="frozen"):
        settings.worker.port = 1


@pytest.mark.parametrize("name", sorted({*PROPERTIES, *OWNED, *ALIASES} - {"plugin.library.paths"}))
def test_every_property_named_is_one_of_librdkafka(name: str) -> None:
    """A name it does not know is refused as such; a value it does not like, otherwise."""
    assert not any("No such configuration property" in said for _, said in refusals({name: "?"}))


def test_the_command_shows_all_with_their_origin_for_people_and_programs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, '[kafka]\n"sasl.password" = "planted"\n')
    monkeypatch.setenv("RONDE_WORKER__ID", "worker-0")
    for_people, for_programs = run("settings", "--settings", path), run("settings", "--settings", path, "--json")
    assert (for_people.exit, for_programs.exit) == (0, 0)
    assert '"worker-0"' in for_people.out
    assert "planted" not in for_people.out + for_programs.out
    shown = json.loads(for_programs.out)
    assert shown["worker.id"] == {"value": "worker-0", "origin": "RONDE_WORKER__ID"}
    assert shown["procedures.SECURITY.default_partner"] == {"value": None, "origin": "default"}


def test_the_command_ends_with_2_on_settings_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    ran = run("settings", "--settings", write(tmp_path, "[worker]\nprot = 1\n"))
    assert (ran.exit, ran.out) == (2, "")
    assert "worker.prot: unknown setting. Did you mean worker.port?" in ran.err
    assert "Traceback" not in ran.err
