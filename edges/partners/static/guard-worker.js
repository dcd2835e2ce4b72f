// Behind the guard's page: the page opens without reception, and taps are sent once there is some, also when it was
// closed (where the browser can: Background Sync). What is kept of the page is the same for all; nothing of a dispatch.
// The server puts the taps' functions and SHELL, the page's addresses, in front of this.
"use strict";
(() => {
  const PAGE = "/guard";
  const OURS = "ronde-guard ";
  const PLACE = OURS + SHELL.join(" ");
  const PATIENCE_MS = 4000;  // with a network that says nothing

  const kept = (address) => caches.match(address, { ignoreVary: true });

  async function keep(address, answer) {
    await (await caches.open(PLACE)).put(address, answer.clone());
    return answer;
  }

  async function page() {
    try {
      const answer = await fetch(PAGE, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (answer.ok) return await keep(PAGE, answer);
    } catch { /* no reception */ }
    return (await kept(PAGE)) ?? Response.error();
  }

  addEventListener("install", (event) => {
    skipWaiting();
    event.waitUntil(caches.open(PLACE).then((place) => place.addAll(SHELL)));
  });

  addEventListener("activate", (event) => {
    event.waitUntil((async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith(OURS) && name !== PLACE) await caches.delete(name);
      }
    })());
  });

  addEventListener("fetch", (event) => {
    const { method, mode, url } = event.request;
    const { origin, pathname } = new URL(url);
    if (method !== "GET" || origin !== location.origin) return;
    if (mode === "navigate" && pathname === PAGE) event.respondWith(page());
    else if (SHELL.includes(pathname)) event.respondWith(kept(pathname).then((file) => file ?? fetch(event.request)));
  });

  addEventListener("sync", (event) => {
    event.waitUntil(rondeTaps.send().then((isSent) => {
      if (!isSent) throw new Error("taps wait");  // the browser tries again
    }));
  });
})();
