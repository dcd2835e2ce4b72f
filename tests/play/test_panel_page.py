"""The panels' page in French and English, over a receiver that says nothing."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from babel.messages.pofile import read_po

from edges.panel.dialler import Way
from ronde.play import panel_page
from ronde.play.panel_page import ACTIONS, BUTTONS, FOLDER, PanelPage

pytestmark = pytest.mark.asyncio
ORIGIN: Final = "http://localhost"
_MESSAGE: Final = re.compile(r'_\("([^"]+)"')


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[PanelPage]:
    monkeypatch.setattr(panel_page, "WAIT_SECONDS", 0.05)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:  # a port that no TCP server listens on
        taken.bind(("127.0.0.1", 0))
        made = PanelPage(Way("127.0.0.1", taken.getsockname()[1]), "http://localhost:6080")
        yield made
        made.close()


def client(page: PanelPage, language: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(page.app)
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"accept-language": language})


async def test_the_page_in_both_languages(page: PanelPage) -> None:
    command = {"dispatch_id": "d1", "action": "REQUEST", "page_url": "http://localhost/guard#x"}
    async with client(page, "fr-FR") as french, client(page, "de, en;q=0.5") as english:
        sent = await french.post("/send", data={"site": "LILAS-1", "button": "door"}, headers={"origin": ORIGIN})
        assert sent.status_code == 303
        assert (await french.post("/webhook", json=command)).status_code == 204
        texts = {"fr": (await french.get("/")).text, "en": (await english.get("/")).text}
        assert (await french.post("/send", data={"site": "LILAS-1", "button": "x"})).status_code == 422
        other = {"origin": "http://elsewhere"}
        refused = await french.post("/send", data={"site": "LILAS-1", "button": "door"}, headers=other)
        assert refused.status_code == 403
    for language, words in (
        ("fr", ("Porte ouverte", "pas de réponse", "Intervenant demandé", "la page de l\u2019intervenant")),
        ("en", ("Door opened", "no answer", "A guard is asked for", "the guard's page")),
    ):
        assert f'<html lang="{language}"' in texts[language]
        assert [word for word in words if word not in texts[language]] == []
    assert [label for label, _ in BUTTONS.values() if label in texts["fr"]] == []


async def test_every_message_has_its_french() -> None:
    template = (FOLDER / "templates" / "panel.html").read_text(encoding="utf-8")
    messages = {*_MESSAGE.findall(template), *(label for label, _ in BUTTONS.values()), *ACTIONS.values()}
    with (Path(FOLDER) / "locale" / "fr" / "messages.po").open("rb") as file:
        french = {str(message.id): str(message.string) for message in read_po(file, locale="fr") if message.id}
    assert set(french) == messages
    assert all(french.values())
