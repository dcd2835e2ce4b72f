// The list of open dispatches, fetched again all the time: the page turns red once what it shows is older than 5 s.
"use strict";
(() => {
  const MOST_AGE_MS = 5000;
  const list = document.getElementById("dispatches");
  const state = document.getElementById("state");
  let readAt = performance.now();
  let busy = false;

  const focused = () => (list.contains(document.activeElement) ? document.activeElement : null);

  function show(fresh) {
    const held = focused();
    if (held && fresh.textContent === list.textContent) return;  // nothing is redrawn under somebody's hands for nothing
    const dispatch = held?.closest("[data-dispatch]").dataset.dispatch;
    list.replaceChildren(...fresh.childNodes);
    for (const item of held ? list.querySelectorAll("[data-dispatch]") : []) {
      if (item.dataset.dispatch === dispatch) item.querySelector("a").focus({ preventScroll: true });
    }
  }

  async function turn() {
    if (busy) return;
    busy = true;
    const asked = performance.now();
    try {
      const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (answer.redirected) return location.reload();
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        localize(page);
        show(page.getElementById("dispatches"));
        readAt = asked;
      }
    } catch { /* no connection */ } finally {
      busy = false;
    }
    state.hidden = performance.now() - readAt <= MOST_AGE_MS;
  }

  setInterval(turn, 2500);
})();
