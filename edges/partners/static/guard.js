// The guard's page. A tap is kept on this device until the server has it, and sent again with the time it was made.
"use strict";
(() => {
  const root = document.getElementById("guard");
  const find = (id) => document.getElementById(id);
  const token = location.hash.slice(1);
  const place = "ronde-guard-" + token.slice(0, 22);
  const say = (words) => { find("state").textContent = words; };
  const taps = () => JSON.parse(localStorage.getItem(place) || "[]");
  const keep = (list) => (list.length ? localStorage.setItem(place, JSON.stringify(list)) : localStorage.removeItem(place));
  let busy = false;

  const ask = (path, options = {}) => fetch(path, {
    ...options,
    cache: "no-store",
    credentials: "omit",
    headers: { Authorization: "Bearer " + token, "Content-Type": "application/json" },
    signal: AbortSignal.timeout(10000),
  });

  function over() {
    find("steps").replaceChildren();
    for (const id of ["address", "instructions"]) find(id).textContent = "";
    for (const id of ["covert", "cancelled", "finding"]) find(id).hidden = true;
    say(root.dataset.over);
  }

  function show(sight) {
    if (sight.is_over) return over();
    const { address, instructions, covert, action } = sight.dispatch;
    find("covert").hidden = !covert;
    find("cancelled").hidden = action !== "CANCEL";
    find("address").textContent = address
      ? [address.line1, address.line2, address.postal_code + " " + address.city].filter(Boolean).join(", ") : "";
    find("instructions").textContent = instructions || "";
    const waiting = new Set(taps().map((tap) => tap.step));
    const steps = sight.next_steps.filter((step) => !waiting.has(step));
    find("finding").hidden = !steps.includes("closed");
    const shown = [...find("steps").children].map((button) => button.value).join();
    if (shown === steps.join()) return;  // nothing is redrawn under a finger
    find("steps").replaceChildren(...steps.map((step) => {
      const button = document.createElement("button");
      button.className = step === "rejected" ? "button large" : "button large main";
      button.value = step;
      button.textContent = root.dataset[step.replace(/-(.)/g, (_, letter) => letter.toUpperCase())];
      button.addEventListener("click", () => tap(step));
      return button;
    }));
  }

  function tap(step) {
    const said = { step, reported_at: new Date().toISOString() };
    if (step === "closed" && find("disposition").value) said.disposition = find("disposition").value;
    keep([...taps(), said]);
    say(root.dataset.kept);
    for (const button of [...find("steps").children]) button.remove();
    turn();
  }

  async function turn() {
    if (busy) return;
    busy = true;
    try {
      while (taps().length) {
        const [{ step, ...body }] = taps();
        const answer = await ask("/v1/guard/" + step, { method: "PUT", body: JSON.stringify(body) });
        if (answer.status >= 500) return;
        keep(taps().slice(1));
        if (answer.ok) say(root.dataset.sent);
      }
      const answer = await ask("/v1/guard");
      if (answer.ok) show(await answer.json());
      else if (answer.status === 401) over();
    } catch {
      say(taps().length ? root.dataset.kept : root.dataset.old);
    } finally {
      busy = false;
    }
  }

  addEventListener("online", turn);
  addEventListener("hashchange", () => location.reload());
  setInterval(turn, 3000);
  turn();
})();
