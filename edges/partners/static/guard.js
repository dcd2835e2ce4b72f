// The guard's page. A tap is kept on this device until the server has it, and sent again with the time it was made.
"use strict";
(() => {
  const SIGHT = "ronde-guard-sight";  // what this tab shows, for when it is loaded again without reception
  const taps = rondeTaps;
  let edits = 0;  // odd while a tap is on its way into what is kept
  const root = document.getElementById("guard");
  const find = (id) => document.getElementById(id);
  const token = location.hash.slice(1);
  const after = JSON.parse(root.dataset.after);  // what may follow each step
  const say = (words) => { if (edits % 2 === 0) find("state").textContent = words; };  // of no tap before it is kept
  let sight = remembered();
  let readAt = -Infinity;  // since when commands may be missing
  let isShown = false;
  let busy = false;
  let worker = null;

  function remembered() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(SIGHT));
      return kept?.token === token ? kept.sight : null;
    } catch {
      return null;
    }
  }

  function remember() {
    try {
      if (sight) sessionStorage.setItem(SIGHT, JSON.stringify({ token, sight }));
      else sessionStorage.removeItem(SIGHT);
    } catch { /* the browser keeps nothing */ }
  }

  function over(words) {
    sight = null;
    remember();
    find("steps").replaceChildren();
    for (const id of ["address", "instructions"]) find(id).textContent = "";
    for (const id of ["covert", "cancelled", "finding", "behind"]) find(id).hidden = true;
    say(words);
  }

  // By itself, too: a network that says nothing keeps a turn waiting.
  function age() {
    if (sight && isShown) find("behind").hidden = (performance.now() - readAt) / 1000 <= Number(root.dataset.mostAge);
  }

  async function show() {
    const before = edits;
    const waiting = await taps.all();
    if (!sight || before % 2 || edits !== before) return;  // or a button would come back that was tapped
    const { address, instructions, covert, action, dispatch_id } = sight.dispatch;
    find("covert").hidden = !covert;
    find("cancelled").hidden = action !== "CANCEL";
    isShown = true;
    age();
    find("address").textContent = address
      ? [address.line1, address.line2, address.postal_code + " " + address.city].filter(Boolean).join(", ") : "";
    find("instructions").textContent = instructions || "";
    // A tap that waits counts as said: without reception the guard goes on to the next step.
    const kept = waiting.filter((tap) => tap.dispatch === dispatch_id).map((tap) => tap.step);
    const last = kept.at(-1) ?? sight.sent;
    let steps = last ? after[last] : sight.next_steps;
    if (last && steps.length && action === "CANCEL") steps = ["closed"];
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

  async function tap(step) {
    const said = { token, dispatch: sight.dispatch.dispatch_id, step, reported_at: new Date().toISOString() };
    if (step === "closed" && find("disposition").value) said.disposition = find("disposition").value;
    find("steps").replaceChildren();  // a second tap of the same finger meets nothing
    say("");
    edits += 1;
    await taps.keep(said);
    edits += 1;
    say(root.dataset.kept);
    await show();
    turn();
  }

  function taken(tap) {
    say(root.dataset.sent);
    if (sight?.dispatch.dispatch_id !== tap.dispatch) return;
    sight.sent = tap.step;  // reception may be gone before the page has looked again
    remember();
  }

  async function turn() {
    if (busy) return;
    busy = true;
    try {
      if (!(await taps.send(taken, () => { find("refused").hidden = false; }))) say(root.dataset.kept);
      else if (find("state").textContent === root.dataset.kept) say(root.dataset.sent);  // by tab or worker
      const asked = performance.now();
      const answer = await taps.ask("/v1/guard", token);
      if (answer.ok) {
        sight = await answer.json();
        readAt = asked - 1000 * Number(answer.headers.get("Ronde-Age") ?? Infinity);
        if (sight.is_over) return over(root.dataset.over);
        remember();
        await show();
        if (find("state").textContent === root.dataset.old) say("");
      } else if (answer.status === 401) over(root.dataset.invalid);
    } catch {
      say((await taps.all()).length ? root.dataset.kept : root.dataset.old);
      await show();
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

  // In a pocket: the worker sends what is kept, where the browser can have it do so. Out of it, this page does.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") turn();
    else worker?.sync?.register("taps").catch(() => {});
  });
  navigator.serviceWorker?.register("/guard-worker.js", { scope: "/guard" }).then((one) => { worker = one; }, () => {});
  addEventListener("online", turn);
  addEventListener("hashchange", () => location.reload());
  setInterval(turn, 3000);
  setInterval(age, 250);
  turn();
})();
