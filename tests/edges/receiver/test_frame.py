"""What a frame says, in the clear and encrypted; and the answers, to the byte."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from edges.receiver import frame
from edges.receiver.cipher import cipher_of
from edges.receiver.framing import CrcForm, framed
from tests.edges.receiver import vectors
from tests.edges.receiver.vectors import K256, K


def blocks(number: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=16 * number, max_size=16 * number)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_a_header() -> None:
    header = frame.header_of(vectors.FIRE_SIA[9:-1])
    assert header == frame.Header("SIA-DCS", False, "9876", "579BDF", "789ABC", "12345A", b"#12345A|NFA129]")
    assert header.echo == b"9876R579BDFL789ABC#12345A"


def test_a_body_and_its_time() -> None:
    header = frame.header_of(vectors.EXTENDED[9:-1])
    assert frame.clear(header.data) == frame.Clear(
        b"#1234|1110 01 004][ICuisine][X002E20.123][Y48N51.456]", ms("2027-01-01T00:00:00")
    )


@pytest.mark.parametrize("end", [b"_9:03:12,11-28-2026", b"_2026-11-28T21:03:12Z", b"_"])
def test_a_time_of_another_form_is_no_part_of_the_body(end: bytes) -> None:
    body = b"#1234|1110 01 004][ICuisine]"
    assert frame.clear(body + end) == frame.Clear(body, None)
    assert frame.clear(body + b"x_y") == frame.Clear(body + b"x_y", None)


@pytest.mark.parametrize(
    ("content", "key", "body", "time"),
    [
        (vectors.FIRE_AES_CONTENT, K, b"12345A|NFA129]", "2006-02-15T13:14:15"),
        (vectors.BURGLARY_AES[9:-1], K, b"#1234|1130 01 015]", "2026-11-28T21:03:12"),
        (vectors.BURGLARY_AES_2026[9:-1], K256, b"#1234|1130 01 015]", "2026-11-28T21:03:12"),
        (vectors.LINK_TEST_AES[9:-1], K, b"]", "2026-11-28T21:05:00"),
        (vectors.ACK_AES[9:-1], K, b"]", "2026-11-28T21:03:13"),
    ],
)
def test_encrypted_frames_open_with_their_key_alone(content: bytes, key: bytes, body: bytes, time: str) -> None:
    header = frame.header_of(content)
    assert header.is_encrypted
    assert frame.deciphered(header.data, key) == frame.Clear(body, ms(time))
    with pytest.raises(frame.UnopenedError):
        frame.deciphered(header.data, bytes(len(key)))


def test_answers_to_the_byte() -> None:
    header = frame.header_of(vectors.BURGLARY[9:-1])
    now = ms("2026-11-28T21:03:12")
    assert frame.ack(header, CrcForm.HEX, None, now) == vectors.ACK
    assert frame.duh(header, CrcForm.HEX) == vectors.DUH
    assert frame.nak(now, CrcForm.HEX) == vectors.NAK
    assert frame.ack(header, CrcForm.RAW, None, now) == framed(vectors.ACK[9:-1], CrcForm.RAW)


def test_where_no_r_came_none_goes() -> None:
    header = frame.header_of(vectors.TEST[9:-1])
    assert frame.ack(header, CrcForm.HEX, None, 0)[9:-1] == b'"ACK"0009L0#1234[]'


def test_an_encrypted_frame_gets_an_encrypted_ack() -> None:
    header = frame.header_of(vectors.BURGLARY_AES[9:-1])
    now = ms("2026-11-28T21:03:13")
    answer = frame.header_of(frame.ack(header, CrcForm.HEX, K, now)[9:-1])
    assert (answer.kind, answer.is_encrypted, answer.echo) == ("ACK", True, header.echo)
    assert frame.deciphered(answer.data, K) == frame.Clear(b"]", now)


@given(
    body=st.binary(max_size=80).map(lambda data: b"#1234|" + data.translate(None, b"[]|_\r") + b"]"),
    key=st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    seconds=st.integers(0, 4_000_000_000),
)
def test_what_is_encrypted_opens_again(body: bytes, key: bytes, seconds: int) -> None:
    assert frame.deciphered(frame.enciphered(body, seconds * 1000, key), key) == frame.Clear(body, seconds * 1000)


def cbc(key: bytes) -> Cipher[CBC]:
    return Cipher(AES(key), CBC(bytes(16)))


@given(
    st.lists(
        st.tuples(st.sampled_from([K, K256, bytes(24)]), st.booleans(), st.integers(1, 6).flatmap(blocks)),
        min_size=1,
        max_size=6,
    )
)
def test_a_cipher_that_is_kept_starts_each_message_as_a_new_one_does(messages: list[tuple[bytes, bool, bytes]]) -> None:
    """Messages of several accounts under one key, and of others, in any order, to and fro."""
    for key, is_answer, text in messages:
        one = cbc(key).encryptor() if is_answer else cbc(key).decryptor()
        kept = cipher_of(key)
        assert (kept.encipher(text) if is_answer else kept.decipher(text)) == one.update(text) + one.finalize()


@pytest.mark.parametrize("text", [b"x" * 32 + b"|#1234|1130 01 015]", b"x" * 47 + b"]", b"\x81" * 31 + b"]"])
def test_a_pad_longer_than_any_opens_nothing_where_no_time_follows(text: bytes) -> None:
    """A wrong key gives a last byte of ``]`` once in 256 frames; that is no frame whose time is wrong."""
    text += b"]" * (-len(text) % 16)
    with pytest.raises(frame.UnopenedError):
        frame.deciphered(cipher_of(K).encipher(text).hex().encode(), K)


@pytest.mark.parametrize("text", [b"\x81" * 15 + b"]", b"x" * 31 + b"]"])
def test_a_link_test_without_a_time_opens(text: bytes) -> None:
    """Its key is right: a NAK tells it the time, where a DUH would end it."""
    assert frame.deciphered(cipher_of(K).encipher(text).hex().encode(), K) == frame.Clear(b"]", None)


def test_what_a_wrong_key_gives_is_no_work() -> None:
    """A step for each pair of places where a time may begin would take seconds."""
    text = b"x|" + b"]_" * 2000 + b"\x01" * 14
    data = cipher_of(K).encipher(text).hex().encode()
    begun = time.process_time()
    for _ in range(50):
        with pytest.raises(frame.UnopenedError):
            frame.deciphered(data, K)
    assert time.process_time() - begun < 0.5


@given(st.binary(max_size=120), st.sampled_from([K, K256]))
def test_no_garbage_opens(data: bytes, key: bytes) -> None:
    with pytest.raises(frame.UnopenedError):
        frame.deciphered(data.hex().encode(), key)


@given(st.binary(max_size=120))
def test_no_content_is_more_than_refused(content: bytes) -> None:
    for data in (content, b'"ADM-CID"0007L0#1234[' + content):
        try:
            frame.clear(frame.header_of(data).data)
        except frame.NotDc09Error:
            continue
