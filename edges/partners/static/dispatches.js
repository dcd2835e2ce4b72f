// The list of open dispatches, fetched again all the time: the page turns red once what it shows is older than 5 s.
"use strict";
(() => {
  const MOST_AGE_MS = 5000;
  const list = document.getElementById("dispatches");
  const state = document.getElementById("state");
  const since = (asked, dispatches) => asked - 1000 * Number(dispatches.dataset.age);
  let readAt = since(0, list);  // the page was asked for at 0
  let busy = false;

  const focused = () => (list.contains(document.activeElement) ? document.activeElement : null);
  const isMarked = () => !getSelection().isCollapsed && getSelection().containsNode(list, true);

  function show(fresh) {
    const held = focused();
    list.toggleAttribute("data-old", fresh.hasAttribute("data-old"));
    if ((held || isMarked()) && fresh.textContent === list.textContent) return;  // not under hands for nothing
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
        const fresh = page.getElementById("dispatches");
        readAt = since(asked, fresh);
        show(fresh);
      }
    } catch { /* no connection */ } finally {
      busy = false;
    }
  }

  // By itself: a network that says nothing keeps a turn waiting. What the server says of its age stands in the list.
  function age() {
    state.hidden = performance.now() - readAt <= MOST_AGE_MS || list.hasAttribute("data-old");
  }

  setInterval(turn, 2500);
  setInterval(age, 250);
})();
