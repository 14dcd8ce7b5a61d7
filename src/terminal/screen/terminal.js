// The terminal's screen: swaps the parts that the terminal sends, takes scans whatever has the focus, sounds the answers.
"use strict";
const body = document.body;
const station = body.dataset.station;
const lost = document.getElementById("lost");
const unlock = document.getElementById("unlock");
const grab = document.getElementById("catch");

// --- parts ------------------------------------------------------------------------------------------------------
function put(id, text) {
  const part = document.getElementById(id);
  if (!part) return;
  const focus = part.contains(document.activeElement) ? document.activeElement.id : "";
  const fresh = new DOMParser().parseFromString(text, "text/html");
  part.replaceChildren(...[...fresh.body.childNodes].map(node => document.importNode(node, true)));
  if (focus) { const back = document.getElementById(focus); if (back) back.focus(); }
}

let alive = Date.now();
function gone() { lost.textContent = body.dataset.lost; lost.hidden = false; }
if (body.dataset.events) {
  const source = new EventSource(body.dataset.events);
  const heard = () => { alive = Date.now(); lost.hidden = true; };
  source.addEventListener("open", heard);
  source.addEventListener("beat", heard);
  source.addEventListener("error", gone);
  for (const id of ["status", "act", "answer", "foot", "door", "queue"])
    source.addEventListener(id, event => { heard(); put(id, event.data); alarm(); });
  source.addEventListener("answered", event => { heard(); sound(JSON.parse(event.data)); });
  setInterval(() => { if (10000 < Date.now() - alive) gone(); }, 1000);
  addEventListener("pagehide", () => source.close());
}

// --- sound and vibration ----------------------------------------------------------------------------------------
let audio = null;
let playing = [];
function volume() { const set = localStorage.getItem("volume"); return set === null ? 3 : Number(set); }

function tones(list, square) {
  for (const old of playing) { try { old.stop(); } catch (ended) { /* it was over */ } }
  playing = [];
  if (!audio || audio.state !== "running" || volume() === 0) return;
  let at = audio.currentTime;
  for (const [hz, on, off] of list) {
    const voice = audio.createOscillator();
    const level = audio.createGain();
    voice.type = square ? "square" : "sine";
    voice.frequency.value = hz;
    level.gain.value = volume() / 4 * (square ? 0.3 : 0.6);
    voice.connect(level).connect(audio.destination);
    voice.start(at);
    voice.stop(at + on / 1000);
    playing.push(voice);
    at += (on + off) / 1000;
  }
}

let last = 0;
function sound(answer) {
  if (answer.number <= last) return;
  last = answer.number;
  if (answer.sound.length) tones(answer.sound, answer.square);
  // Before the first touch a browser refuses to shake, and says so in its log.
  const touched = !navigator.userActivation || navigator.userActivation.hasBeenActive;
  if (answer.vibration.length && navigator.vibrate && touched) navigator.vibrate(answer.vibration);
}

// An alarm that nobody ended sounds on: 960 and 770 Hz in turn.
let ringing = null;
function alarm() {
  const stop = document.querySelector(".door[data-state=stop]");
  if (stop && !ringing) {
    const ring = () => tones([[960, 400, 0], [770, 400, 0]], true);
    ring();
    ringing = setInterval(ring, 800);
  } else if (!stop && ringing) {
    clearInterval(ringing);
    ringing = null;
    tones([], true);
  }
}

// Browsers give sound only after the first touch of the day; until then the screen says so.
function wake() {
  if (!audio && window.AudioContext) audio = new AudioContext();
  if (audio) audio.resume().then(() => { unlock.hidden = audio.state === "running"; });
}
addEventListener("pointerdown", wake, true);
addEventListener("keydown", wake, true);
if (station && body.dataset.events && volume()) { unlock.textContent = body.dataset.touch; unlock.hidden = false; wake(); }
for (const button of document.querySelectorAll("[data-volume]")) {
  const mark = () => { button.dataset.kind = Number(button.dataset.volume) === volume() ? "primary" : ""; };
  mark();
  button.addEventListener("click", () => {
    localStorage.setItem("volume", button.dataset.volume);
    for (const other of document.querySelectorAll("[data-volume]")) other.dataset.kind = other === button ? "primary" : "";
    tones([[2093, 70, 0]], false);
  });
}

// The browser words its file button in its own language: ours stands before it and sends at once.
const take_picture = document.getElementById("take");
if (take_picture) {
  const picture = document.getElementById("picture");
  take_picture.hidden = false;
  picture.classList.add("hide");
  picture.form.querySelector("button").hidden = true;
  picture.addEventListener("change", () => { if (picture.files.length) picture.form.submit(); });
}

// --- scans: one queue, nothing is dropped while another is on its way -------------------------------------------
let queue = Promise.resolve();
function scan(code) {
  if (!station || !code) return;
  const form = new URLSearchParams({ station: station, code: code });
  queue = queue.then(async () => {
    for (let pause = 500; ; pause = Math.min(2 * pause, 5000)) {
      try {
        const answer = await fetch("/scan", { method: "POST", body: form, headers: { accept: "application/json" } });
        if (answer.status !== 503) { if (!body.dataset.events) location.assign("/s/" + encodeURIComponent(station)); return; }
      } catch (failed) { gone(); }
      await new Promise(done => setTimeout(done, pause));
    }
  });
}

// A scanner that types: at least 6 keys with a mean gap under 35 ms, ended by Enter, Tab or 60 ms of silence. The text is
// rebuilt from the physical keys, because a Chinese input method turns digits into candidates.
const FEWEST = 6, MEAN_GAP_MS = 35, SILENCE_MS = 60;
let burst = [], before = null, silence = 0;

function character(event) {
  const code = event.code, up = event.shiftKey ? 1 : 0;
  if (/^Key[A-Z]$/.test(code)) return up !== event.getModifierState("CapsLock") ? code[3] : code[3].toLowerCase();
  if (/^Digit[0-9]$/.test(code)) return up ? ")!@#$%^&*("[Number(code[5])] : code[5];
  if (/^Numpad[0-9]$/.test(code)) return code[6];
  const marks = { Minus: "-_", Equal: "=+", Slash: "/?", Period: ".>", Comma: ",<", Semicolon: ";:", Space: "  ", BracketLeft: "[{",
    BracketRight: "]}", Quote: "'\"", Backslash: "\\|", Backquote: "`~", NumpadSubtract: "--", NumpadDecimal: "..", NumpadAdd: "++", NumpadDivide: "//" };
  return marks[code] ? marks[code][up] : "";
}

function isScan() {
  const span = burst.length ? burst[burst.length - 1].at - burst[0].at : 0;
  return FEWEST <= burst.length && span / (burst.length - 1) < MEAN_GAP_MS;
}

function take() {
  clearTimeout(silence);
  const text = burst.map(key => key.text).join("");
  burst = [];
  if (before) {
    if (before.field.dataset.scan === "here") return false;
    if (before.field.isConnected) before.field.value = before.value;
  }
  scan(text);
  return true;
}

addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey) { burst = []; return; }
  const field = event.target.matches("input,textarea") && event.target !== grab ? event.target : null;
  if (["Enter", "Tab", "NumpadEnter"].includes(event.code)) {
    if (isScan() && take()) { event.preventDefault(); event.stopPropagation(); }
    burst = [];
    return;
  }
  const text = character(event);
  if (!text) { if (!event.key.startsWith("Shift")) burst = []; return; }
  if (burst.length && 3 * MEAN_GAP_MS < event.timeStamp - burst[burst.length - 1].at) burst = [];
  if (!burst.length) before = field ? { field: field, value: field.value } : null;
  burst.push({ text: text, at: event.timeStamp });
  clearTimeout(silence);
  silence = setTimeout(() => { if (isScan()) take(); }, SILENCE_MS);
}, true);

// A composition that begins inside a burst belongs to the scanner: the field is left, which cancels it.
addEventListener("compositionstart", event => { if (1 < burst.length && event.target.blur) event.target.blur(); }, true);

// Handheld browsers that send no keys but fill a field: a hidden one without a screen keyboard holds the focus.
let filled = 0;
if (station) {
  const hold = () => { if (document.activeElement === body || !document.activeElement) grab.focus({ preventScroll: true }); };
  grab.addEventListener("input", () => {
    clearTimeout(filled);
    filled = setTimeout(() => { const text = grab.value; grab.value = ""; if (!burst.length && FEWEST <= text.length && !keyed) scan(text.trim()); keyed = false; }, 2 * SILENCE_MS);
  });
  hold();
  addEventListener("focusout", () => setTimeout(hold, 0));
}
let keyed = false;
addEventListener("keydown", event => { if (event.target === grab && character(event)) keyed = true; }, true);
alarm();
