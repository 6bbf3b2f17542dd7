// Looks again by itself, and says how long ago a moment is. Every page works without it.
"use strict";

const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

let shown = Date.now();

// A simulated world has a time of its own.
function now() {
  const { now, pace } = document.getElementById("main").dataset;
  return now ? Date.parse(now) + (Date.now() - shown) * pace : Date.now();
}

function age(time) {
  const seconds = Math.round((new Date(time.dateTime) - now()) / 1000);
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? units[3];
  return words.format(Math.round(seconds / length), unit);
}

function tell() {
  for (const time of document.querySelectorAll("time[datetime]")) time.title = age(time);
  for (const asof of document.querySelectorAll(".asof time")) asof.dataset.age = age(asof);
}

let known = "";

// Whoever types or reads with the keyboard inside the page isn't disturbed.
function isInUse(main) {
  const active = document.activeElement;
  return main.contains(active) && active !== main || !getSelection().isCollapsed;
}

// Which field it is: of two forms that do the same, what they hide tells which.
function field({ name, form }) {
  const hidden = [...(form?.querySelectorAll("input[type=hidden]") ?? [])].map((one) => one.value);
  return JSON.stringify([name, form?.action, ...hidden]);
}

async function look() {
  const main = document.getElementById("main");
  const state = document.getElementById("state");
  if (document.hidden || isInUse(main)) return;
  try {
    const headers = { accept: "text/html", ...(known && { "if-none-match": known }) };
    const answer = await fetch(location.href, { headers, redirect: "error", cache: "no-store" });
    if (answer.status === 304) return void (state.textContent = "");
    if (answer.status === 401) return void (state.textContent = "You aren't signed in any more: load the page again.");
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    // They may have begun to meanwhile.
    if (isInUse(main)) return;
    known = answer.headers.get("etag") ?? "";
    const typed = [...main.querySelectorAll("input")].filter((one) => one.value !== one.defaultValue).map((one) => [field(one), one.value]);
    const open = [...main.querySelectorAll("details")].map((details) => details.open);
    const next = page.getElementById("main");
    main.replaceChildren(...next.childNodes);
    for (const [known, value] of typed) {
      const again = [...main.querySelectorAll("input")].find((one) => field(one) === known);
      if (again) again.value = value;
    }
    Object.assign(main.dataset, next.dataset);
    shown = Date.now();
    main.querySelectorAll("details").forEach((details, n) => (details.open = open[n] ?? details.open));
    state.textContent = "";
    tell();
  } catch (error) {
    state.textContent = `The console can't be reached (${error.message}): what is shown is old. It is tried again.`;
  }
}

tell();
setInterval(tell, 1000);
const every = Number(document.getElementById("main")?.dataset.every);
if (every) setInterval(look, every * 1000);
