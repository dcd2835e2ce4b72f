// The guard's page. A tap is kept on this device until the server has it, and sent again with the time it was made.
"use strict";
(() => {
  const PLACE = "ronde-guard-taps";  // of all dispatches of this device: the page of any of them sends them
  const REFUSED = [400, 401, 404, 413, 415, 422];  // answers that the same tap would get again
  const root = document.getElementById("guard");
  const find = (id) => document.getElementById(id);
  const token = location.hash.slice(1);
  const after = JSON.parse(root.dataset.after);  // what may follow each step
  const say = (words) => { find("state").textContent = words; };
  let memory = null;  // where the browser keeps nothing
  let sight = null;
  let age = 0;
  let busy = false;

  function taps() {
    if (memory) return memory;
    try {
      return JSON.parse(localStorage.getItem(PLACE) || "[]");
    } catch {
      return [];
    }
  }

  function keep(list) {
    try {
      if (!memory) localStorage.setItem(PLACE, JSON.stringify(list));
    } catch {
      memory = [];
    }
    if (memory) memory = list;
  }

  const same = (one, other) => ["dispatch", "step", "reported_at"].every((name) => one[name] === other[name]);

  const ask = (path, bearer, options = {}) => fetch(path, {
    ...options,
    cache: "no-store",
    credentials: "omit",
    headers: { Authorization: "Bearer " + bearer, "Content-Type": "application/json" },
    signal: AbortSignal.timeout(10000),
  });

  function over() {
    sight = null;
    find("steps").replaceChildren();
    for (const id of ["address", "instructions"]) find(id).textContent = "";
    for (const id of ["covert", "cancelled", "finding", "behind"]) find(id).hidden = true;
    say(root.dataset.over);
  }

  function show() {
    const { address, instructions, covert, action, dispatch_id } = sight.dispatch;
    find("covert").hidden = !covert;
    find("cancelled").hidden = action !== "CANCEL";
    find("behind").hidden = age <= Number(root.dataset.mostAge);
    find("address").textContent = address
      ? [address.line1, address.line2, address.postal_code + " " + address.city].filter(Boolean).join(", ") : "";
    find("instructions").textContent = instructions || "";
    // A tap that waits counts as said: without reception the guard goes on to the next step.
    const kept = taps().filter((tap) => tap.dispatch === dispatch_id).map((tap) => tap.step);
    let steps = sight.next_steps;
    if (kept.length) steps = after[kept.at(-1)];
    if (kept.length && steps.length && action === "CANCEL") steps = ["closed"];
    find("finding").hidden = !steps.includes("closed");
    const shown = [...find("steps").children].map((button) => button.value).join();
    if (shown === steps.join()) return;  // nothing is redrawn under a finger
    find("steps").replaceChildren(...steps.map((step) => {
      const button = document.createElement("button");
      button.className = step === "rejected" ? "button large" : "button large main";
      button.value = step;
      button.textContent = root.dataset[step.replace(/-(.)/g, (_, letter) => letter.toUpperCase())];
      button.addEventListener("click", () => tap(step), { once: true });
      return button;
    }));
  }

  function tap(step) {
    const said = { token, dispatch: sight.dispatch.dispatch_id, step, reported_at: new Date().toISOString() };
    if (step === "closed" && find("disposition").value) said.disposition = find("disposition").value;
    keep([...taps(), said]);
    say(root.dataset.kept);
    find("steps").replaceChildren();  // a second tap of the same finger meets nothing
    turn();
  }

  async function send() {
    for (const said of taps()) {
      const { token: bearer, step, dispatch, ...body } = said;
      const answer = await ask("/v1/guard/" + step, bearer, { method: "PUT", body: JSON.stringify(body) });
      if (!answer.ok && !REFUSED.includes(answer.status)) return false;
      keep(taps().filter((kept) => !same(kept, said)));  // another tab may have sent it, and kept others
      if (answer.ok) say(root.dataset.sent);
      else find("refused").hidden = false;
    }
    return true;
  }

  async function turn() {
    if (busy) return;
    busy = true;
    try {
      if (!(await send())) say(root.dataset.kept);
      else if (find("state").textContent === root.dataset.kept) say(root.dataset.sent);  // by another tab
      const answer = await ask("/v1/guard", token);
      if (answer.ok) {
        sight = await answer.json();
        age = Number(answer.headers.get("Ronde-Age") ?? Infinity);
        if (sight.is_over) over();
        else show();
        if (find("state").textContent === root.dataset.old) say("");
      } else if (answer.status === 401) over();
    } catch {
      say(taps().length ? root.dataset.kept : root.dataset.old);
      if (sight) show();
    } finally {
      busy = false;
    }
  }

  // The choices of language and appearance: the page sends no Referer, so a browser would send them without our Origin,
  // and would come back without the fragment.
  for (const form of document.querySelectorAll("form.choices")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const { name, value } = event.submitter;
      const body = new URLSearchParams({ [name]: value });
      await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => {});
      location.reload();
    });
  }

  addEventListener("online", turn);
  addEventListener("hashchange", () => location.reload());
  setInterval(turn, 3000);
  turn();
})();
