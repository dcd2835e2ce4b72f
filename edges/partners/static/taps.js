// The taps that this device keeps until the server has them, of all its dispatches; for the page and for its worker.
"use strict";
self.rondeTaps = (() => {
  const PLACE = "taps";
  const REFUSED = [400, 401, 404, 413, 415, 422];  // answers that the same tap would get again
  let memory = null;  // where the browser keeps nothing

  const done = (request, event) => new Promise((resolve, reject) => {
    request.addEventListener(event, () => resolve(request.result));
    for (const failure of ["error", "abort", "blocked"]) request.addEventListener(failure, () => reject(request.error));
  });

  // What `work` makes of the taps kept, once that is on the device.
  async function within(mode, work) {
    const opening = indexedDB.open("ronde-guard", 1);
    opening.addEventListener("upgradeneeded", () => {
      opening.result.createObjectStore(PLACE, { keyPath: "id", autoIncrement: true });
    });
    const database = await done(opening, "success");
    try {
      const transaction = database.transaction(PLACE, mode, { durability: "strict" });
      const request = work(transaction.objectStore(PLACE));
      await done(transaction, "complete");
      return request.result;
    } finally {
      database.close();
    }
  }

  // The oldest first.
  async function all() {
    if (memory) return memory;
    try {
      return await within("readonly", (taps) => taps.getAll());
    } catch {
      return [];
    }
  }

  async function keep(tap) {
    try {
      if (!memory) return await within("readwrite", (taps) => taps.add(tap));
    } catch {
      memory = [];
    }
    memory.push({ ...tap, id: memory.length ? memory.at(-1).id + 1 : 1 });
  }

  async function drop(id) {
    if (memory) memory = memory.filter((tap) => tap.id !== id);
    else await within("readwrite", (taps) => taps.delete(id));
  }

  const ask = (path, bearer, options = {}) => fetch(path, {
    ...options,
    cache: "no-store",
    credentials: "omit",
    headers: { Authorization: "Bearer " + bearer, "Content-Type": "application/json" },
    signal: AbortSignal.timeout(10000),
  });

  // Send what is kept, in order; whether no tap must be sent again. Two may send at once: the same tap is one report.
  // `taken` and `refused` say what became of each; without `refused`, what is refused stays for who can show it.
  async function send(taken = () => {}, refused = null) {
    for (const tap of await all()) {
      const { id, token, step, dispatch, ...body } = tap;
      const answer = await ask("/v1/guard/" + step, token, { method: "PUT", body: JSON.stringify(body) });
      if (answer.ok) {
        await drop(id);
        taken(tap);
      } else if (!REFUSED.includes(answer.status)) {
        return false;
      } else if (refused) {
        await drop(id);
        refused();
      }
    }
    return true;
  }

  return { all, ask, keep, send };
})();
