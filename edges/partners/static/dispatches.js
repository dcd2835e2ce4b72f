// The list of open dispatches, fetched again every ten seconds; not under somebody's hands.
"use strict";
(() => {
  const list = document.getElementById("dispatches");
  const state = document.getElementById("state");
  setInterval(async () => {
    if (list.contains(document.activeElement)) return;
    try {
      const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (answer.redirected) return location.reload();
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      spellMoments(page);
      list.replaceChildren(...page.getElementById("dispatches").childNodes);
      state.textContent = "";
    } catch {
      state.textContent = state.dataset.old;
    }
  }, 10000);
})();
