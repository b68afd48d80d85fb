// Keeps the page at the newest judged block: the sections that changed are fetched and grown into
// what stands there, so that focus, selection, scroll and open details stay where they are.
"use strict";
{
  const UPDATE = document.body.dataset.update;
  const STALE_SECONDS = Number(document.body.dataset.staleSeconds);
  const LOOK_SECONDS = 10; // what no block tells changes too: the outbox, what is blind
  const PATIENCE_SECONDS = 8; // from here on no answer is none
  const POLL_SECONDS = 3; // where there is no stream
  const stale = document.getElementById("stale");
  const said = document.getElementById("said");
  let ahead = Number(document.body.dataset.now) - Date.now() / 1000; // the monitor's clock to ours
  let lost = 0; // since when the monitor does not answer; 0: it does
  let block = null; // its newest: {number, timestamp}
  let asked = 0;
  let asking = null;
  let again = false;

  const now = () => Date.now() / 1000 + ahead;
  const sections = () => document.querySelectorAll("[data-section]");

  // Times

  function span(seconds) {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400)
      return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
    const days = Math.floor(seconds / 86400);
    return `${days} day${days > 1 ? "s" : ""}`;
  }

  function ago(unix) {
    const seconds = Math.floor(now() - unix);
    if (seconds >= 0) return `${span(seconds)} ago`;
    return seconds > -60 ? "just now" : `in ${span(-seconds)}`;
  }

  function tick() {
    for (const time of document.querySelectorAll("time[data-unix]")) {
      time.title ||= time.textContent;
      const text = ago(Number(time.dataset.unix));
      if (time.textContent !== text) time.textContent = text;
    }
    judge();
  }

  // What is stale says so

  function judge() {
    const age = block ? now() - block.timestamp : 0;
    const isOld = age > STALE_SECONDS;
    let why = "";
    if (lost)
      why = `The monitor has not answered for ${span(Math.floor((Date.now() - lost) / 1000))}: below is what it said last.`;
    else if (isOld)
      why = `The newest block is ${span(Math.floor(age))} old: what happened since is not here.`;
    document.body.classList.toggle("is-lost", lost > 0);
    document.body.classList.toggle("is-old", !lost && isOld);
    stale.hidden = why === "";
    const line = stale.querySelector("span");
    if (line.textContent !== why) line.textContent = why;
  }

  // Sections grow from what they are into what they should be

  const keyed = (node) => node.nodeType === Node.ELEMENT_NODE && node.dataset.key;

  function grow(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (old.dataset.figure) {
      old.dataset.figure = fresh.dataset.figure; // figures.js draws inside
      return;
    }
    for (const { name } of [...old.attributes])
      if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS"))
        old.removeAttribute(name);
    for (const { name, value } of fresh.attributes)
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    growChildren(old, fresh);
  }

  function growChildren(old, fresh) {
    const known = new Map([...old.childNodes].filter(keyed).map((node) => [node.dataset.key, node]));
    let place = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const same = keyed(wanted) ? known.get(wanted.dataset.key) : null;
      if (same) {
        if (same === place) place = place.nextSibling;
        else old.insertBefore(same, place);
        grow(same, wanted);
      } else if (place && !keyed(wanted) && !keyed(place)) {
        const next = place.nextSibling;
        grow(place, wanted);
        place = next;
      } else {
        old.insertBefore(wanted, place);
      }
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  }

  const line = () => document.querySelector("[data-line]")?.dataset.line;
  const alert = () => document.querySelector(".alerts > li");

  function show(answer) {
    const [line0, alert0] = [line(), alert()?.dataset.key];
    for (const section of sections()) {
      const changed = answer.sections[section.dataset.section];
      if (!changed) continue;
      const box = document.createElement("template");
      box.innerHTML = changed.html;
      growChildren(section, box.content);
      section.dataset.digest = changed.digest;
    }
    if (line() && line() !== line0) document.title = `${line()} – cascade-monitor`;
    const news = [];
    if (line() !== line0) news.push(line());
    if (alert() && alert().dataset.key !== alert0)
      news.push(alert().querySelector(".title").textContent);
    if (news.length) said.textContent = news.join(". ");
    ahead = answer.now - Date.now() / 1000;
    const isNew = answer.block && answer.block.number !== block?.number;
    block = answer.block ?? block;
    tick();
    if (isNew) document.dispatchEvent(new CustomEvent("cascade:block", { detail: block }));
  }

  // Asking: one question at a time, none while nobody looks

  async function look() {
    if (document.hidden) return;
    if (asking) {
      again = true;
      return;
    }
    asked = Date.now();
    const have = [...sections()].map((section) => section.dataset.digest).join(",");
    const url = `${UPDATE}${UPDATE.includes("?") ? "&" : "?"}have=${have}`;
    try {
      const signal = AbortSignal.timeout(PATIENCE_SECONDS * 1000);
      asking = fetch(url, { headers: { Accept: "application/json" }, cache: "no-store", signal });
      const response = await asking;
      if (response.status === 401) return location.reload(); // logged out meanwhile
      if (!response.ok) throw new Error(`status ${response.status}`);
      const answer = await response.json();
      lost = 0;
      show(answer);
    } catch {
      lost ||= Date.now();
      judge();
    } finally {
      asking = null;
    }
    if (again) {
      again = false;
      look();
    }
  }

  function listen() {
    if (!("EventSource" in window)) return setInterval(look, POLL_SECONDS * 1000);
    const stream = new EventSource("/api/v1/stream");
    stream.addEventListener("block", look);
    stream.addEventListener("alert", look);
    stream.addEventListener("error", () => {
      // A browser gives up where the answer is no stream, such as while too many listen.
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, POLL_SECONDS * 1000);
      look();
    });
  }

  document.addEventListener("visibilitychange", () => document.hidden || look());
  setInterval(() => {
    if (Date.now() - asked > (lost ? POLL_SECONDS : LOOK_SECONDS) * 1000) look();
    tick();
  }, 1000);

  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) break;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      said.textContent = button.textContent = "Copied";
    });
  }

  tick();
  listen();
  look();
}
