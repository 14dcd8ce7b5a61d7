// Keeps a page true: the server says "the book moved" (SSE), the page asks for itself again and swaps the parts that are
// marked data-live. Without this script every page still reads and submits.
"use strict";
const root = document.documentElement;
const say = document.getElementById("live");
// The page that answers a form is asked for again where it stands, not where the form was sent.
const page = say ? say.dataset.page : location.href;

// --- live parts -------------------------------------------------------------------------------------------------
let swapping = false;
let again = false;
let lastGood = new Date();

async function swap() {
  if (swapping) { again = true; return; }
  swapping = true;
  try {
    const answer = await fetch(page, { headers: { "accept": "text/html", "gatebook-again": "1" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      // What a person is typing in, or has typed, is never taken away.
      const typing = part.contains(document.activeElement) && document.activeElement.matches("input,textarea,select");
      const typed = Array.from(part.querySelectorAll("input,textarea")).some(field => field.value !== field.defaultValue);
      if (!other || typing || typed || part.querySelector("details[open]")) continue;
      const focus = part.contains(document.activeElement) ? document.activeElement.id : "";
      if (part.outerHTML !== other.outerHTML) part.replaceWith(document.importNode(other, true));
      if (focus) { const back = document.getElementById(focus); if (back) back.focus(); }
    }
    lastGood = new Date();
  } catch (error) {
    stale();
  }
  swapping = false;
  if (again) { again = false; setTimeout(swap, 1000); }
}

// Hour and minute at the site, as everywhere on the page; where its zone has no name, those of this machine.
function clock(at) {
  const form = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  try {
    return at.toLocaleTimeString("en-GB", Object.assign({ timeZone: say.dataset.zone }, form));
  } catch (unknown) {
    return at.toLocaleTimeString("en-GB", form);
  }
}

function stale() {
  if (!say) return;
  say.hidden = false;
  say.textContent = say.dataset.stale.replace("{time}", clock(lastGood));
  root.dataset.live = "stale";
}

function fresh() {
  if (say) say.hidden = true;
  root.dataset.live = "on";
}

if (say && window.EventSource) {
  const source = new EventSource(say.dataset.from);
  let known = "";
  let opened = false;
  source.addEventListener("open", () => { fresh(); if (opened) swap(); opened = true; });
  source.addEventListener("error", stale);
  source.addEventListener("moved", event => { if (event.data !== known) { known = event.data; swap(); } });
  source.addEventListener("beat", () => { lastGood = new Date(); fresh(); });
  addEventListener("pagehide", () => source.close());
}

// --- search and scan --------------------------------------------------------------------------------------------
// A scanner types fast and ends with Enter. The text is rebuilt from the physical keys, because a Chinese input method
// turns digits into candidates.
const FEWEST = 6;
const MEAN_GAP_MS = 35;
let burst = [];
let before = null;

function character(event) {
  const code = event.code;
  const shift = event.shiftKey;
  if (/^Key[A-Z]$/.test(code)) return shift ? code[3] : code[3].toLowerCase();
  if (/^Digit[0-9]$/.test(code)) return shift ? ")!@#$%^&*(" [Number(code[5])] : code[5];
  if (/^Numpad[0-9]$/.test(code)) return code[6];
  const marks = { Minus: "-_", Equal: "=+", Slash: "/?", Period: ".>", Comma: ",<", Semicolon: ";:", Space: "  ",
    BracketLeft: "[{", BracketRight: "]}", Quote: "'\"", Backslash: "\\|", NumpadSubtract: "--", NumpadDecimal: ".." };
  return marks[code] ? marks[code][shift ? 1 : 0] : "";
}

function isScan(now) {
  if (burst.length < FEWEST) return false;
  return (now - burst[0].at) / burst.length < MEAN_GAP_MS;
}

addEventListener("keydown", event => {
  const now = event.timeStamp;
  const field = event.target.matches("input,textarea") ? event.target : null;
  if (event.ctrlKey || event.altKey || event.metaKey) { burst = []; return; }
  if (event.key === "/" && !field) {
    const search = document.getElementById("search");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
    return;
  }
  if ((event.code === "Enter" || event.code === "Tab" || event.code === "NumpadEnter") && isScan(now)) {
    if (!(field && field.dataset.scan === "here")) {
      event.preventDefault();
      event.stopPropagation();
      const text = burst.map(key => key.text).join("");
      if (before && before.field.isConnected) before.field.value = before.value;
      burst = [];
      location.assign("/search?q=" + encodeURIComponent(text));
      return;
    }
  }
  const text = character(event);
  if (!text) { if (event.key !== "Shift") burst = []; return; }
  if (burst.length && 3 * MEAN_GAP_MS < now - burst[burst.length - 1].at) burst = [];
  if (!burst.length) before = field ? { field: field, value: field.value } : null;
  burst.push({ text: text, at: now });
  if (200 < burst.length) burst = [];
}, true);

// --- a submitted form sends once --------------------------------------------------------------------------------
addEventListener("submit", event => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  if (form.method === "post") {
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  }
});
