// Draws what stands in [data-figure]: the address of a figure as JSON for plotly.js. Numbers come
// first: plotly.js, by far the largest file, is loaded when the first figure comes into view.
"use strict";
{
  const SCRIPT = document.querySelector("template[data-plotly]").dataset.plotly;
  const OPTIONS = { displayModeBar: false, displaylogo: false, responsive: false, showTips: false, doubleClick: false };
  const NARROW = 480;
  const LABELS = 190; // about what the names beside a map take
  const known = new WeakMap(); // element -> {tag, answer, isVisible, isStale, isBusy, width}
  let loading = null;

  const plotly = () =>
    (loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = SCRIPT;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => {
        loading = null;
        reject(new Error("the drawing library did not come"));
      };
      document.head.append(script);
    }));

  // "var(--name)" and "var(--name / 30%)", looked up in the page's style as it is now.
  const COLOR = /^var\((--[\w-]+)(?:\s*\/\s*(\d+)%)?\)$/;

  function palette(element) {
    const probe = document.createElement("i");
    probe.hidden = true;
    element.append(probe);
    const canvas = document.createElement("canvas").getContext("2d");
    const found = new Map();
    const lookUp = (name) => {
      probe.style.color = `var(${name}, gray)`;
      canvas.fillStyle = "gray";
      canvas.fillStyle = getComputedStyle(probe).color;
      return canvas.fillStyle;
    };
    const color = (text) => {
      const asked = COLOR.exec(text);
      if (!asked) return text;
      if (!found.has(asked[1])) found.set(asked[1], lookUp(asked[1]));
      const hex = found.get(asked[1]);
      if (!asked[2] || !hex.startsWith("#")) return hex;
      const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
      return `rgba(${red}, ${green}, ${blue}, ${asked[2] / 100})`;
    };
    return { color, done: () => probe.remove() };
  }

  function colored(value, color) {
    if (typeof value === "string") return color(value);
    if (Array.isArray(value)) return value.map((each) => colored(each, color));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, colored(each, color)]));
  }

  function clear(element, state) {
    if (element.dataset.state === "drawn") window.Plotly.purge(element);
    element.replaceChildren();
    element.dataset.state = state;
  }

  function complain(element, text) {
    clear(element, "fault");
    const note = document.createElement("p");
    note.className = "figure-note";
    note.textContent = text;
    element.append(note);
  }

  // Words that would lie on one another are smaller, shorter or gone: the table has them whole.
  function fit(data, layout, width) {
    const isNarrow = width < NARROW;
    if (isNarrow) layout.font.size = 11;
    if (isNarrow) for (const words of layout.annotations ?? []) words.font.size = 10;
    for (const trace of data) {
      if (trace.type === "sankey" && isNarrow)
        trace.node.label = trace.node.label.map((name) => (name.length > 12 ? `${name.slice(0, 11)}…` : name));
      if (trace.mode === "text") {
        const cell = (width - LABELS) / new Set(trace.x).size;
        if (cell < 44) Object.assign(trace, { mode: "markers", marker: { opacity: 0 } });
        else if (cell < 60) trace.textfont.size = 10;
      }
    }
  }

  async function draw(element) {
    const entry = known.get(element);
    const { plot } = entry.answer;
    if (!plot) return clear(element, "empty"); // the words below it say why
    const Plotly = await plotly();
    if (element.dataset.state !== "drawn") element.replaceChildren();
    const { color, done } = palette(element.parentElement);
    const { data, layout } = colored(plot, color);
    done();
    fit(data, layout, element.clientWidth);
    await Plotly.react(element, data, { ...layout, width: element.clientWidth, height: element.clientHeight }, OPTIONS);
    element.dataset.state = "drawn";
    element.setAttribute("role", "img");
    // Each word of the picture would be read by itself; the label and the table say it better.
    for (const child of element.children) child.setAttribute("aria-hidden", "true");
  }

  async function refresh(element) {
    const entry = known.get(element);
    if (entry.isBusy) return; // who answers asks again, as it is stale
    Object.assign(entry, { isBusy: true, isStale: false });
    const headers = entry.tag ? { "If-None-Match": entry.tag } : {};
    try {
      const response = await fetch(element.dataset.figure, { headers, cache: "no-store" });
      if (response.status === 304) return;
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
      entry.answer = answer;
      await draw(element);
      entry.tag = response.headers.get("ETag");
    } catch (error) {
      // What was drawn stays: that it is old, the page says.
      if (!entry.tag) complain(element, `Not drawn: ${error.message}.`);
    } finally {
      entry.isBusy = false;
      if (entry.isStale && entry.isVisible) refresh(element);
    }
  }

  const sight = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen) {
        const entry = known.get(target);
        entry.isVisible = isIntersecting;
        if (isIntersecting && entry.isStale) refresh(target);
      }
    },
    { rootMargin: "200px" },
  );

  const size = new ResizeObserver((changed) => {
    for (const { target } of changed) {
      const entry = known.get(target);
      const width = target.clientWidth;
      if (width === entry.width || !width) continue;
      entry.width = width;
      if (target.dataset.state === "drawn") draw(target);
    }
  });

  const all = () => document.querySelectorAll("[data-figure]");

  function discover() {
    for (const element of all()) {
      if (known.has(element)) continue;
      known.set(element, { tag: "", answer: null, isVisible: false, isStale: true, isBusy: false, width: element.clientWidth });
      element.dataset.state ??= "waiting";
      sight.observe(element);
      size.observe(element);
    }
  }

  document.addEventListener("cascade:block", () => {
    discover();
    for (const element of all()) {
      const entry = known.get(element);
      entry.isStale = true;
      if (entry.isVisible) refresh(element);
    }
  });

  const repaint = () => {
    for (const element of all()) if (element.dataset.state === "drawn") draw(element);
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  // The page's own switch between light and dark stands on the root.
  new MutationObserver(repaint).observe(document.documentElement, { attributes: true, attributeFilter: ["data-scheme"] });

  discover();
}
