// What pages of all edges do in the browser. Everything that must work works without it, but for what runs with time.
"use strict";

// The server's clock, not the browser's: its time when the page was made, and what has passed since. A page is made just
// before it begins to come, which may be long after it was asked for.
const served = Number(document.documentElement.dataset.now);
const cameAt = performance.getEntriesByType("navigation")[0]?.responseStart || 0;
let madeAt = served ? served - cameAt : Date.now() - performance.now();
const now = () => madeAt + performance.now();
const setNow = (instant) => { madeAt = instant - performance.now(); };

const SOON_SECONDS = 30;

function spell(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

function tick() {
  for (const element of document.querySelectorAll("[data-until]")) {
    const seconds = (Date.parse(element.dataset.until) - now()) / 1000;
    const state = seconds <= 0 ? "over" : seconds <= SOON_SECONDS ? "soon" : "runs";
    const text = spell(seconds);
    const place = element.querySelector("time") || element;
    if (place.textContent !== text) place.textContent = text;
    if (element.dataset.state !== state) {
      element.dataset.state = state;
      const word = element.querySelector("[data-word]");
      if (word) word.textContent = element.dataset[state] || "";
    }
  }
}

// Times of day as the reader's clock has them, with the offset that says so.
const local = new Intl.DateTimeFormat(document.documentElement.lang, {
  day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});
const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const clock = new Intl.DateTimeFormat(document.documentElement.lang, TIME);
const clockAndDay = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short", ...TIME });
const dated = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "short" });  // 2026-01-31 03:05
const today = () => new Date(now()).toDateString();
// The time of day of an instant; of one that is not of today its day, too.
function ofDay(instant) {
  const at = new Date(instant);
  return (at.toDateString() === today() ? clock : clockAndDay).format(at);
}
function localize(root) {
  for (const place of root.querySelectorAll("time[data-local]")) place.textContent = local.format(new Date(place.dateTime));
  for (const place of root.querySelectorAll("time[data-clock]")) place.textContent = ofDay(place.dateTime);
  for (const place of root.querySelectorAll("time[data-dated]")) place.textContent = dated.format(new Date(place.dateTime));
}
localize(document);

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  const closer = event.target.closest("[data-closes]");
  if (closer) closer.closest("dialog")?.close();
});

// A form that is sent twice by a double click is sent once; again by who stopped it, or waited in vain.
const AGAIN_MS = 5000;
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;  // a script sends it
  if (form.dataset.sent === "yes") return event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => { delete form.dataset.sent; }, AGAIN_MS);
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

if (document.querySelector("[data-until]")) {
  tick();
  setInterval(tick, 250);
}
