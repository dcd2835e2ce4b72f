// What the desk's pages do in the browser. `now()` and `spell()` are those of ronde.js: time by the broker's clock, which
// the desk says once a second.
"use strict";

(() => {
  const desk = document.getElementById("desk");
  if (!desk) return;
  const words = JSON.parse(desk.dataset.words);
  const me = desk.dataset.me;
  const subject = desk.dataset.subject;
  const byId = (id) => document.getElementById(id);
  const segment = encodeURIComponent;
  const say = (text) => { byId("status").textContent = text || ""; };
  const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");
  const stamp = () => new Date(now()).toISOString();
  const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

  // --- the API ---------------------------------------------------------------------------------
  // A network that lost a connection may say so only after minutes. The desk answers in 3 s, and a while later where it
  // has many words to hash.
  const ANSWER_MS = 15000;
  async function ask(method, path, body) {
    try {
      const answer = await fetch(path, {
        method,
        headers: body === undefined ? {} : { "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const text = await answer.text();
      return { status: answer.status, ok: answer.ok, data: text ? JSON.parse(text) : null };
    } catch (error) {
      return { status: 0, ok: false, data: { code: error.name === "TimeoutError" ? "UNCONFIRMED" : "UNREACHABLE" } };
    }
  }

  // What makes a page whole again after a reconnect is asked for until it comes; null where it never will.
  async function askUntilTold(path) {
    for (;;) {
      const answer = await ask("GET", path);
      if (answer.ok) return answer.data;
      if ([401, 403, 404].includes(answer.status)) return null;
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
    }
  }

  // A part of a page as the desk draws it now; null where none comes.
  async function drawn(address, id, within = ANSWER_MS) {
    try {
      const answer = await fetch(address, { signal: AbortSignal.timeout(within) });
      const made = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
      if (!made) return null;
      localize(made);
      return made;
    } catch {
      return null;  // the page's age says it
    }
  }

  function refuse(answer) {
    const code = answer.data && answer.data.code;
    const holder = answer.data && answer.data.holder;
    say(fill(words.problem[code] || (answer.data && answer.data.detail) || String(code), { name: holder ? holder.by : "" }));
  }

  // A form whose request was not confirmed is sent again with the very same values: the time of the first press, and
  // the key. So it counts once, however often it is sent.
  const kept = new WeakMap();
  function once(form, extra) {
    const said = JSON.stringify(extra);
    const known = kept.get(form);
    if (known && known.said === said) return known;
    const made = { said, at: stamp(), key: newKey() };
    kept.set(form, made);
    return made;
  }
  const done = (form) => kept.delete(form);
  // What was refused was not said: the next press has a time of its own. Any other failure may hide a yes.
  function refuseForm(form, answer) {
    if (!["UNCONFIRMED", "UNREACHABLE", "INTERNAL"].includes(answer.data?.code)) done(form);
    refuse(answer);
  }

  // --- keys ------------------------------------------------------------------------------------
  const typing = () => /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName || "") &&
    !/^(radio|checkbox)$/.test(document.activeElement.type);
  let keysOn = localStorage.getItem("ronde-keys") !== "off";
  const keys = {};
  function showKeys() {
    document.documentElement.dataset.keys = keysOn ? "on" : "off";
    byId("shortcuts")?.setAttribute("aria-pressed", String(keysOn));
  }
  byId("shortcuts")?.addEventListener("click", () => {
    keysOn = !keysOn;
    localStorage.setItem("ronde-keys", keysOn ? "on" : "off");
    showKeys();
  });
  showKeys();
  // Never focus a field on opening: the next key would be typed into it.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && typing() && !document.querySelector("dialog[open]")) document.activeElement.blur();
    if (event.repeat && !/^(Arrow(Up|Down)|[jk])$/.test(event.key)) return;  // a key held down acts once
    if (event.key === "Enter" && document.activeElement?.closest("a, button")) return;  // it is that which is pressed
    if (!keysOn || event.ctrlKey || event.metaKey || event.altKey || typing() || document.querySelector("dialog[open]")) return;
    const box = byId("word");
    const isLetter = event.key.length === 1 ? event.key !== " " && (event.key !== "w" || breath.length) : event.key === "Dead" && breath.length;
    const isTakenBack = breath.length && /^(Backspace|Escape)$/.test(event.key);
    const act = isTakenBack ? () => breath.splice(0)
      : isLetter && box?.offsetParent && !hasEnded ? () => breathe(event.key, box) : keys[event.key];
    if (breath.length) hold(box);
    if (act) { event.preventDefault(); act(); }
  });
  // A word that somebody types without `w` first must not act as keys, some of which send a guard: more than two in one
  // breath are its text, and so is what no key means. A key that writes nothing, as Enter or Shift, is no part of it;
  // Backspace and Escape take it back.
  const BREATH_MS = 250;
  let breath = [];
  let breathEnd;
  const writeWord = (box) => { box.focus(); box.value += breath.splice(0).join(""); };
  function hold(box) {
    clearTimeout(breathEnd);
    breathEnd = setTimeout(() => {
      if (breath.every((key) => keys[key])) for (const key of breath.splice(0)) keys[key]();
      else if (breath.length > 1) writeWord(box);
      breath = [];
    }, BREATH_MS);
  }
  function breathe(typed, box) {
    if (typed !== "Dead") breath.push(typed);  // that is an accent, whose letter follows
    if (typed === "Dead" || breath.length > 2) writeWord(box); else hold(box);
  }
  const press = (id) => () => { const button = byId(id); if (button && !button.hidden) button.click(); };

  // --- time that passes ------------------------------------------------------------------------
  // In milliseconds. `performance.now()` stands still while some machines sleep, and the wall clock goes on: what that is
  // ahead has been slept. One that is set forward looks the same, until the desk says the time again.
  const SLEPT_MS = 1000;
  let slept = 0;
  let aheadBy = Date.now() - performance.now();
  function passed() {
    const before = aheadBy;
    aheadBy = Date.now() - performance.now();
    if (aheadBy - before > SLEPT_MS) {
      slept += aheadBy - before;
      setNow(now() + aheadBy - before);
    }
    return performance.now() + slept;
  }

  // --- live ------------------------------------------------------------------------------------
  const handlers = { work: [], gone: [], incident: [], reset: [], age: [] };
  const onOpen = [];
  let stream = null;  // null: until somebody has signed in
  let listensSince;
  let heard = desk.dataset.event;  // the last event: at first, that which the page was drawn behind
  function listen() {
    const events = stream = new EventSource(`/v1/events?since=${segment(heard)}`);
    listensSince = passed();
    for (const name of Object.keys(handlers)) {
      events.addEventListener(name, (event) => {
        heard = event.lastEventId || heard;
        const data = JSON.parse(event.data);
        if (data.subject) told.add(data.subject);
        for (const handle of handlers[name]) handle(data);
      });
    }
    events.addEventListener("open", () => { for (const handle of onOpen) handle(); });
    events.addEventListener("signed-out", signedOut);
    // A browser comes back by itself where the connection broke, and gives up for good at any other answer: a proxy's,
    // while the desk starts again.
    events.addEventListener("error", () => {
      if (events.readyState !== EventSource.CLOSED) return;
      setTimeout(async () => {
        const isOut = (await ask("GET", "/v1/session")).status === 401;
        if (stream !== events) return;
        if (isOut) signedOut(); else listen();
      }, 2000);
    });
  }
  // All there is to do, without what the stream has spoken of meanwhile: the answer may be older than that. Null where it
  // never comes, or was asked for again meanwhile.
  let told = new Set();
  async function askWork() {
    const mine = told = new Set();
    const items = await askUntilTold("/v1/work");
    return items && told === mine ? { items: items.filter((item) => !mine.has(item.subject)), told: mine } : null;
  }
  // What is typed outlasts the session: the page waits until the same person has signed in beside it.
  const isTyped = () => [...desk.querySelectorAll("input, textarea")].some((box) => box.value !== box.defaultValue);
  function signedOut() {
    stream.close();
    stream = null;
    const there = `/sign-in?next=${segment(location.pathname + location.search)}`;
    if (!isTyped()) return location.assign(there);
    const place = byId("signed-out");
    place.hidden = false;
    const timer = setInterval(async () => {
      const answer = await ask("GET", "/v1/session");
      if (!answer.ok) return;
      clearInterval(timer);
      if (answer.data.name !== me) return location.reload();
      place.hidden = true;
      listen();
    }, 2000);
  }
  // How old what is seen is: what the desk last said, and what has passed since.
  const RED_SECONDS = 5;
  const SILENT_MS = 3000;  // the desk speaks once a second
  const LOST_MS = 10000;  // silent for so long, a stream is taken for lost, though nothing says that its connection broke
  const since = (instant) => (passed() - instant) / 1000;
  let age = null;
  let saidAt = passed();
  let behindAt = -Infinity;  // when the desk last said that it is red
  const seenAge = () => (age?.seconds ?? 0) + since(saidAt);
  let drawnAt = desk.dataset.reload ? saidAt : null;  // of a page that is only looked at
  handlers.age.push((said) => {
    saidAt = passed();
    if (Math.abs(Date.parse(said.now) - now()) > 250) setNow(Date.parse(said.now));
    age = said;
    if (said.seconds > RED_SECONDS) behindAt = saidAt;
    show();
  });
  function show() {
    const seconds = Math.max(seenAge(), drawnAt === null ? 0 : since(drawnAt));
    const isSilent = passed() - saidAt > SILENT_MS;
    const parts = [];
    if (seconds > RED_SECONDS) parts.push(isSilent ? words.age.silent : fill(words.age.behind, { seconds: Math.round(seconds) }));
    if (age?.forgotten && !isSilent) parts.push(fill(words.age.forgotten, { count: age.forgotten }));
    if (age?.clock_ms && !isSilent) parts.push(fill(words.age.clock, { seconds: (age.clock_ms / 1000).toFixed(1) }));
    byId("age").hidden = !parts.length;
    write(byId("age"), parts.join(" "));
    if (stream && passed() - Math.max(saidAt, listensSince) > LOST_MS) {
      stream.close();
      listen();
    }
    if (age) write(byId("seen-age"), fill(words.age.seen, { seconds: Math.floor(seconds) }));
  }
  function write(place, text) {
    if (place.textContent !== text) place.textContent = text;
  }
  setInterval(show, 250);
  let shownOn = today();
  setInterval(() => {  // past midnight, times have become those of yesterday
    if (shownOn === today()) return;
    shownOn = today();
    localize(document);
  }, 10000);
  document.addEventListener("visibilitychange", show);  // the timers of a page that nobody saw may have stood still

  // --- the list --------------------------------------------------------------------------------
  const list = byId("work");
  if (list) {
    const template = byId("item");
    const rows = new Map([...list.children].map((row) => [row.dataset.subject, row]));
    const inHand = (row) => row.contains(document.activeElement);
    let isLoud = localStorage.getItem("ronde-sound") === "on";  // who comes back from a call still hears the next one

    const badges = (item) => {
      const made = item.alert_kinds.map((kind) => badge(words.kind[kind] || kind, { HOLD_UP: "urgent", FIRE: "warning" }[kind] || "info"));
      if (item.covert) made.push(badge(words.covert, "urgent"));
      return made.flatMap((element) => [element, document.createTextNode(" ")]);
    };
    const badge = (text, kind) => Object.assign(document.createElement("span"), { className: `badge ${kind}`, textContent: text });

    // As the template `clock` makes it.
    function timeOf(instant) {
      const made = Object.assign(document.createElement("time"), { className: "number", dateTime: instant, title: instant });
      made.dataset.clock = "";
      made.textContent = ofDay(instant);
      return made;
    }

    function draw(row, item) {
      row.className = `item u${item.urgency}${item.holder && item.holder.by === me ? " mine" : ""}`;
      row.dataset.subject = item.subject;
      row.dataset.rank = `${item.urgency} ${item.since}`;
      const who = item.contact_name ? ` ${item.contact_name}` : "";
      const why = item.reason ? `${words.colon}${words.reason[item.reason] || item.reason}` : "";
      row.querySelector("[data-title]").textContent = words.item[item.item] + who + why;
      row.querySelector("[data-kinds]").replaceChildren(...badges(item));
      row.querySelector("[data-site]").textContent = item.site_id;
      row.querySelector("[data-round]").textContent = item.of ? fill(words.round_of, item) : item.round ? fill(words.round, item) : "";
      row.querySelector("[data-holder]").textContent = item.seen
        ? fill(words.seen, { name: item.seen.by }) : item.holder ? fill(words.held, { name: item.holder.by }) : "";
      const left = row.querySelector("[data-until]");
      if (left && item.expires_at) left.dataset.until = item.expires_at;
      else if (left) left.closest("[data-time]").replaceChildren(timeOf(item.since));
      const open = row.querySelector("[data-open]");
      open.href = `/work/${segment(item.subject)}`;
      open.textContent = item.holder || item.seen ? words.look : words.take;
      open.classList.toggle("main", !item.holder && !item.seen);
    }

    const isOurs = (item) => !list.dataset.only || list.dataset.only === item.item;

    const isFree = (row) => row.querySelector("[data-open]").classList.contains("main");

    // Returns what is to be heard: "new" or "freed" of one that waits for somebody, and did not before.
    function put(item) {
      if (!isOurs(item)) return null;
      let row = rows.get(item.subject);
      const isNew = !row;
      if (isNew) rows.set(item.subject, row = template.content.firstElementChild.cloneNode(true));
      const before = row.dataset.rank;
      const wasFree = !isNew && isFree(row);
      draw(row, item);
      if (!isNew && row.dataset.rank !== before) row.dataset.moves = "yes";
      if (isNew || (row.dataset.moves && !inHand(row))) {
        row.remove();
        delete row.dataset.moves;
        list.insertBefore(row, follower(row.dataset.rank));
      }
      byId("nothing").hidden = true;
      return wasFree || !isFree(row) ? null : isNew ? "new" : "freed";
    }

    // The first row that stands behind a rank; the rows are in order.
    function follower(rank) {
      let low = 0, high = list.children.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (list.children[middle].dataset.rank > rank) high = middle; else low = middle + 1;
      }
      return list.children[low] || null;
    }

    function drop(id) {
      const row = rows.get(id);
      if (!row) return;
      rows.delete(id);
      const leave = () => { row.remove(); byId("nothing").hidden = list.children.length > 0; };
      if (!inHand(row)) return leave();
      row.classList.add("gone");
      row.querySelector("[data-holder]").textContent = words.gone;
      row.addEventListener("focusout", leave, { once: true });
    }

    function announce(item) {
      if (!isLoud) return;
      beep(item.urgency);
      if (window.Notification?.permission !== "granted") return;
      const body = item.alert_kinds.map((kind) => words.kind[kind] || kind).join(", ");
      try {
        new Notification(words.item[item.item], { body, tag: item.subject, renotify: true });
      } catch {
        // Chrome on Android lets no page make one.
      }
    }

    let audio;
    function beep(urgency) {
      audio ||= new AudioContext();
      audio.resume();
      const tone = audio.createOscillator(), volume = audio.createGain();
      tone.frequency.value = urgency === 1 ? 880 : 660;
      volume.gain.setValueAtTime(0.15, audio.currentTime);
      volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + (urgency === 1 ? 0.8 : 0.35));
      tone.connect(volume).connect(audio.destination);
      tone.start();
      tone.stop(audio.currentTime + 0.8);
    }
    // Browsers keep a page silent until somebody has touched it.
    for (const touch of ["keydown", "pointerdown"]) document.addEventListener(touch, () => { if (isLoud) (audio ||= new AudioContext()).resume(); });
    byId("alarm").setAttribute("aria-pressed", String(isLoud));
    byId("alarm").addEventListener("click", (event) => {
      isLoud = !isLoud;
      localStorage.setItem("ronde-sound", isLoud ? "on" : "off");
      event.currentTarget.setAttribute("aria-pressed", String(isLoud));
      if (isLoud) { beep(2); window.Notification?.requestPermission?.(); }
    });

    let isWhole = list.dataset.whole === "yes";  // else what the page came without is loaded, and not new
    async function load() {
      const work = await askWork();
      if (!work) return;
      const there = new Set([...work.told, ...work.items.filter(isOurs).map((item) => item.subject)]);
      for (const row of [...list.children]) if (!there.has(row.dataset.subject)) drop(row.dataset.subject);
      for (const item of work.items) {
        const change = put(item);
        if (isWhole) hear(change, item);
      }
      isWhole = true;
    }
    // What comes together is heard once, by its most urgent, and what is over by then not at all: a stream that was lost
    // tells of all that came and went meanwhile. A release may be read before the answer that it follows: then it goes in
    // a moment, and nobody need look up.
    const GATHER_MS = 100;
    const SETTLE_MS = 1000;
    const gathered = { new: new Map(), freed: new Map() };
    function hear(change, item) {
      if (!change) return;
      if (!gathered[change].size) {
        setTimeout(() => {
          const items = gathered[change];
          gathered[change] = new Map();
          if (change === "new") sound(items); else setTimeout(() => soundFreed(items), SETTLE_MS - GATHER_MS);
        }, GATHER_MS);
      }
      if (change === "freed") gathered.new.delete(item.subject);
      gathered[change].set(item.subject, item);
    }
    const areFree = (items) => [...items.values()].filter((item) => rows.has(item.subject) && isFree(rows.get(item.subject)));
    function sound(items) {
      const rank = (item) => rows.get(item.subject).dataset.rank;
      const free = areFree(items);
      if (free.length) announce(free.reduce((first, item) => (rank(item) < rank(first) ? item : first)));
    }
    // Holds that end while the view is red were not let go of: nobody can renew one, and the desk keeps them for their
    // holders for a while after it.
    const KEPT_MS = 20000;
    function soundFreed(items) {
      if (seenAge() <= RED_SECONDS && passed() - behindAt > KEPT_MS) sound(items);
      else for (const item of areFree(items)) hear("freed", item);
    }
    handlers.work.push((item) => hear(put(item), item));
    handlers.gone.push((data) => drop(data.subject));
    handlers.reset.push(load);
    onOpen.push(() => { if (!isWhole) load(); });
    setInterval(tick, 250);

    byId("next")?.addEventListener("click", async () => {
      const answer = await ask("POST", "/v1/work/next");
      if (answer.status === 200) location.assign(`/work/${segment(answer.data.subject)}`);
      else if (answer.status === 204) say(words.nothing);
      else refuse(answer);
    });
    keys.n = press("next");
    const step = (by) => () => {
      const links = [...list.querySelectorAll("[data-open]")];
      const at = links.indexOf(document.activeElement);
      links[Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
    };
    keys.ArrowDown = keys.j = step(1);
    keys.ArrowUp = keys.k = step(-1);
    keys["/"] = () => byId("q").focus();
  }

  // --- one call or attention --------------------------------------------------------------------
  let answering = null;  // what the operator says of it, until the desk has answered
  let isMine = byId("holder")?.classList.contains("good") || false;
  if (subject && desk.dataset.work === "yes") {
    const path = `/v1/work/${segment(subject)}`;
    const holderIs = (by) => {
      isMine = by === me;
      const place = byId("holder");
      place.className = `badge ${isMine ? "good" : "warning"}`;
      place.textContent = isMine ? words.mine : by ? fill(words.held, { name: by }) : words.free;
      byId("take").hidden = isMine;
      byId("over").hidden = isMine || !by;
      byId("release").hidden = !isMine;
    };
    // It is over, or somebody else's: unless what the operator is saying of it has ended it, which the answer shows.
    async function lose(by) {
      const asked = answering;
      const seen = changes;
      await asked;
      if (hasEnded || seen !== changes) return;
      if (!asked) say(by ? fill(words.problem.HELD, { name: by }) : words.problem.OVER);
      holderIs(by);
    }
    const isListed = !/^\/v1\/sites\//.test(desk.dataset.api);  // an inbound call stands in no list
    let changes = 0;  // of this piece of work, as the stream shows them
    async function look() {
      for (let seen = -1; seen !== changes;) {
        seen = changes;
        const answer = await ask("GET", "/v1/work");
        const item = answer.ok && answer.data.find((one) => one.subject === subject);
        if (item && seen === changes) holderIs(item.holder && item.holder.by);
      }
    }
    async function take(over) {
      const before = changes;
      const answer = await ask("POST", `${path}/take`, over ? { over: true } : {});
      if (answer.ok) say(""); else refuse(answer);
      // The stream may have been faster, with this change or one behind it: an answer cannot tell which.
      if (changes !== before) await look();
      else if (answer.data?.holder) holderIs(answer.data.holder.by);
      return answer.ok;
    }
    byId("take").addEventListener("click", () => take(false));
    byId("over").addEventListener("click", () => take(true));
    let isLeaving = false;
    let renewing = Promise.resolve();
    byId("release").addEventListener("click", async () => {
      isLeaving = true;
      await renewing;  // or it would take the call again
      const answer = await ask("POST", `${path}/release`);
      isLeaving = false;
      if (answer.ok) location.assign("/"); else refuse(answer);
    });
    // What was missed: who holds this, and the next call of the incident.
    handlers.reset.push(async () => {
      const work = await askWork();
      if (!work) return;
      for (const item of work.items) for (const handle of handlers.work) handle(item);
      const isThere = work.told.has(subject) || work.items.some((item) => item.subject === subject);
      if (!isThere && isListed) lose(null);
    });
    handlers.gone.push((data) => {
      if (data.subject !== subject) return;
      changes += 1;
      lose(null);
    });
    // By the events, too: browsers let the timers of a page that nobody sees stand for a minute, and a hold lasts no longer.
    let renewedAt = passed();
    const renew = () => {
      if (!isMine || isLeaving || passed() - renewedAt < 20000) return;
      renewedAt = passed();
      const before = changes;
      renewing = ask("POST", `${path}/take`, {}).then((answer) => {
        if ([0, 503].includes(answer.status)) renewedAt = passed() - 15000;  // when a machine wakes, its network is not back yet
        if (answer.status === 409 && isMine && changes === before) return lose(answer.data?.holder?.by);
      });
    };
    setInterval(renew, 1000);
    handlers.age.push(renew);
    handlers.work.push((item) => {
      if (item.subject !== subject || hasEnded) return;
      changes += 1;
      const by = item.holder && item.holder.by;
      if (isMine && by && by !== me) say(fill(words.problem.HELD, { name: by }));  // taken over
      holderIs(by);
    });
    keys.t = press("take");
    keys.o = press("over");
    keys.l = press("release");
    keys.d = press("dial");
    // An inbound call that was answered stands: who presses `take` means it.
    if (!isMine && desk.dataset.answered !== undefined) say(words.problem.OVER);
    else if (!isMine && !byId("over").offsetParent) take(false);
  }

  const wordForm = byId("word-form");
  const resultForm = byId("result-form");
  let hasEnded = false;
  let isComparing = false;
  let isQuiet = Boolean(wordForm);  // a call's page shows nothing new beside the call until that has ended
  // The engine may be faster than the answer to what was said: what came meanwhile is shown at the end.
  const atEnd = [];

  function end(text, { quiet = false } = {}) {
    hasEnded = true;
    isQuiet = quiet;
    isMine = false;
    byId("after-text").textContent = text;
    byId("after").hidden = false;
    byId("script").textContent = text;
    byId("after").focus();
    for (const show of atEnd) show();
  }

  if (wordForm && resultForm) {
    const api = desk.dataset.api;
    wordForm.addEventListener("submit", async (event) => {
      event.preventDefault();
      const box = byId("word");
      const typed = box.value;
      if (!typed || isComparing) return;  // a second press would be a second try
      isComparing = true;
      say(words.comparing);
      const answer = await (answering = ask("POST", `${api}/word`, { word: typed }));
      answering = null;
      isComparing = false;
      say("");
      if (!answer.ok) return refuse(answer);  // what is typed stays
      if (box.value === typed) box.value = "";
      const { right, duress, tries_left: left } = answer.data;
      const verdict = byId("verdict");
      verdict.className = `badge ${right ? "good" : "warning"} verdict${duress ? " mark" : ""}`;
      verdict.textContent = right ? words.right : fill(words.wrong, { left });
      byId("script").textContent = duress ? words.after.DURESS : right ? words.after.RIGHT : left ? words.after.WRONG : words.after.LAST;
      if (duress) return end(words.after.DURESS, { quiet: true });
      if (right) resultForm.querySelector("[value=NORMAL]").focus();
    });

    resultForm.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = event.submitter;
      if (!button || hasEnded) return;
      const body = {
        outcome: button.value,
        situation: resultForm.situation.value,
        message_left: resultForm.message_left?.checked || false,
        detail: byId("detail").value || null,
      };
      const { at } = once(resultForm, body);
      say(words.keeping);
      const answer = await (answering = ask("PUT", `${api}/result`, { ...body, at }));
      answering = null;
      if (answer.status === 409 && answer.data.code === "DURESS") return end(words.after.DURESS, { quiet: true });
      if (!answer.ok) return refuseForm(resultForm, answer);
      done(resultForm);
      say(answer.data.late ? words.late : words.kept);
      const known = JSON.parse(button.dataset.end);
      end(known[body.situation]);
    });
    ["IDENTIFIED", "NOT_IDENTIFIED", "WRONG_CODE", "NO_ANSWER", "DURESS_CODE"].forEach((value, at) => {
      keys[String(at + 1)] = () => resultForm.querySelector(`button[value=${value}]`).click();
    });
    for (const [key, value] of [["g", "NORMAL"], ["b", "ABNORMAL"], ["u", "UNKNOWN"]]) {
      keys[key] = () => resultForm.querySelector(`[value=${value}]`).click();
    }
    if (resultForm.message_left) keys.m = () => resultForm.message_left.click();
    keys.w = () => byId("word").focus();
    keys.Enter = () => { if (hasEnded) byId("onward").click(); };
    // What comes next is the holder's: the page leads there.
    let following = null;
    const lead = () => {
      if (!hasEnded || !following) return;
      byId("onward").href = `/work/${segment(following)}`;
      byId("onward").textContent = words.onward;
    };
    atEnd.push(lead);
    handlers.work.push((item) => {
      if (item.incident_id !== desk.dataset.incident || item.holder?.by !== me || item.subject === subject) return;
      following = item.subject;
      lead();
    });
  }

  const seenForm = byId("seen-form");
  if (seenForm) {
    seenForm.addEventListener("submit", async (event) => {
      event.preventDefault();
      const answer = await (answering = ask("POST", `/v1/attentions/${segment(subject)}/seen`, { note: byId("note").value || null }));
      answering = null;
      if (answer.ok) location.assign("/"); else refuse(answer);
    });
    keys.s = () => seenForm.requestSubmit();
  }

  // --- an incident: what is new is offered, not put under the hands -----------------------------
  const incident = desk.dataset.incident;
  if (incident) {
    handlers.reset.push(async () => {
      const told = await askUntilTold(`/v1/incidents/${segment(incident)}`);
      if (told) for (const handle of handlers.incident) handle(told);
    });
    let isNewer = false;
    const refresh = async () => {
      if (!isNewer || isQuiet) return;
      const made = await drawn(`/incidents/${segment(incident)}/steps${byId("newer") ? "" : "?views=no"}`, "steps");
      if (!made) return;
      byId("steps")?.replaceWith(made);
      const decided = [...made.querySelectorAll("[data-decision]")].pop();
      if (hasEnded && decided) byId("after-text").textContent = decided.textContent;
    };
    atEnd.push(refresh);
    handlers.incident.push((data) => {
      if (data.incident_id !== incident) return;
      // No decision says that its site was set aside, so its version stays; on a call's page, the call is gone.
      const isSetAside = byId("newer") && data.set_aside_at && !desk.dataset.setAside;
      if (data.version <= Number(desk.dataset.version) && !isSetAside) return;
      isNewer = true;
      if (byId("newer")) byId("newer").hidden = false;
      return refresh();
    });
  }

  const site = desk.dataset.site;
  if (site) {
    const show = () => { byId("newer").hidden = false; };
    handlers.incident.push((data) => { if (data.site_id === site) show(); });
    handlers.reset.push(show);  // of what came meanwhile nothing is known
  }

  for (const form of document.querySelectorAll("form.act")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const action = form.dataset.action;
      const reason = byId(`reason-${action}`).value;
      const { at, key } = once(form, { reason });
      const where = incident ? `/v1/incidents/${segment(incident)}` : `/v1/sites/${segment(site)}`;
      const body = { reason, key, at, ...(incident ? { seen_version: Number(desk.dataset.version) } : {}) };
      const answer = await ask("POST", `${where}/${action}`, body);
      if (!answer.ok) { form.closest("dialog").close(); return refuseForm(form, answer); }
      done(form);
      form.closest("dialog").close();
      say(words.kept);
    });
  }

  const noteForm = byId("note-form");
  noteForm?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = byId("text").value;
    if (!text) return;
    const answer = await ask("POST", `/v1/incidents/${segment(incident)}/notes`, { text, key: once(noteForm, { text }).key });
    if (!answer.ok) return refuse(answer);
    done(noteForm);
    if (byId("text").value === text) byId("text").value = "";
    say(words.kept);
  });

  const callbackForm = byId("callback-form");
  callbackForm?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = { contact_id: byId("contact_id").value || null, incident_id: byId("incident_id").value || null };
    const { key } = once(callbackForm, body);
    const answer = await ask("POST", `/v1/sites/${segment(site)}/callbacks`, { ...body, key });
    if (answer.ok) location.assign(`/callbacks/${segment(answer.data.callback_id)}?site=${segment(site)}`); else refuse(answer);
  });

  // A page that is only looked at follows the time; not while somebody is about to press something on it, or marks text.
  // It is not loaded again as a whole: without a connection the browser would leave it for good.
  let isFetching = false;
  async function follow() {
    const focused = () => (byId("live").contains(document.activeElement) ? document.activeElement : null);
    const isInHand = () => focused()?.matches("a, button") ||
      (!getSelection().isCollapsed && getSelection().containsNode(byId("live"), true));
    if (isFetching || isInHand()) return;
    isFetching = true;
    const asked = passed();
    const made = await drawn(location.href, "live", 5000);
    isFetching = false;
    if (!made || isInHand()) return;
    const scrolled = focused();  // a table that is wider than the window
    const left = scrolled?.scrollLeft;
    byId("live").replaceWith(made);
    if (scrolled) {
      const place = made.querySelector(".scroll");
      place?.focus({ preventScroll: true });
      if (place) place.scrollLeft = left;
    }
    drawnAt = asked;
  }
  if (desk.dataset.reload) setInterval(follow, Number(desk.dataset.reload) * 1000);
  if (document.querySelector("[data-until]")) tick();
  listen();
})();
