// What makes pages better where there is JavaScript: live parts, the monitor's marks, this browser's time zone.
"use strict";
(() => {
  const live = document.body.dataset.live;
  let onMove = null;

  function listen() {
    const wanted = document.querySelector('[hx-trigger*="live"]') || document.getElementById("monitor");
    if (!live || !wanted || !window.EventSource) return;
    const stream = new EventSource(live);
    let waiting = null;
    stream.addEventListener("changed", () => {
      // Many events in one moment are one reason to look again.
      if (waiting === null) waiting = setTimeout(() => {
        waiting = null;
        if (!busy()) window.htmx.trigger(document.body, "live");
      }, 400);
    });
    stream.addEventListener("told", () => window.htmx.trigger(document.body, "told"));
    stream.addEventListener("move", (event) => { if (onMove) onMove(JSON.parse(event.data)); });
    addEventListener("pagehide", () => stream.close());
  }

  // A part that holds the keyboard's focus is not exchanged under somebody's fingers.
  function busy() {
    const focus = document.activeElement;
    return Boolean(focus && focus.closest("[hx-get]") && focus !== document.body);
  }

  function zone() {
    const form = document.querySelector("[data-zone]");
    if (!form) return;
    const field = document.getElementById(form.dataset.zone);
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (field && here && here !== "UTC" && !field.hasAttribute("aria-invalid")) field.value = here;
  }

  // What waits for a modem or a network says so on its button.
  function slow() {
    addEventListener("submit", (event) => {
      if (event.target.matches("[data-slow]") && event.submitter) event.submitter.setAttribute("aria-busy", "true");
    });
    addEventListener("pageshow", () => {
      for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
    });
  }

  const SVG = "http://www.w3.org/2000/svg";
  function draw(parent, kind, attributes, text) {
    const made = document.createElementNS(SVG, kind);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text) made.textContent = text;
    parent.append(made);
    return made;
  }

  function monitor() {
    const svg = document.getElementById("monitor");
    if (!svg) return;
    const ids = svg.dataset.modems ? svg.dataset.modems.split("|") : [];
    const names = svg.dataset.names ? svg.dataset.names.split("|") : [];
    const width = 720, step = ids.length > 12 ? 22 : 46;
    const height = Math.max(170, ids.length * step + 30), middle = height / 2;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const place = {};
    ids.forEach((id, number) => { place[id] = 15 + step * (number + .5) + (height - 30 - ids.length * step) / 2; });
    draw(svg, "path", { class: "line", d: `M110 ${middle}H300` });
    for (const id of ids) draw(svg, "path", { class: "line", d: `M390 ${middle}C470 ${middle} 470 ${place[id]} 560 ${place[id]}` });
    box(0, middle, 110, svg.dataset.source);
    box(300, middle, 90, svg.dataset.route);
    ids.forEach((id, number) => box(560, place[id], 155, names[number] || id));

    function box(x, y, wide, text) {
      const tall = step < 40 && x === 560 ? 18 : 34;
      draw(svg, "rect", { class: "box", x: x + 3, y: y - tall / 2, width: wide - 3, height: tall, rx: 6 });
      draw(svg, "text", { x: x + wide / 2, y: y + 4, "text-anchor": "middle" }, text.slice(0, 20));
    }

    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const marks = new Map();
    onMove = (move) => {
      let mark = marks.get(move.seq);
      if (!mark) {
        if (marks.size > 60) return;
        const group = draw(svg, "g", { class: "mark", "data-seq": move.seq });
        draw(group, "circle", { r: 7 });
        draw(group, "text", { class: "small", x: 4, y: -12, "text-anchor": "end" }, move.number || "");
        mark = { group, x: 55, y: middle, tx: 55, ty: middle };
        marks.set(move.seq, mark);
        place_(mark);
      }
      if (move.step === "accepted") { mark.tx = 345; mark.ty = middle; }
      if (move.step !== "accepted" && move.modem in place) { mark.tx = 548; mark.ty = place[move.modem]; }
      if (move.step === "done") {
        mark.group.classList.add(move.state);
        setTimeout(() => { mark.group.remove(); marks.delete(move.seq); }, 1600);
      }
      if (still) { mark.x = mark.tx; mark.y = mark.ty; place_(mark); }
      if (!still) requestAnimationFrame(run);
    };
    let last = 0;
    function run(now) {
      if (now === last) return;
      last = now;
      let moving = false;
      for (const mark of marks.values()) {
        const dx = mark.tx - mark.x, dy = mark.ty - mark.y;
        if (Math.abs(dx) + Math.abs(dy) > 1) { mark.x += dx * .12; mark.y += dy * .12; moving = true; place_(mark); }
      }
      if (moving) requestAnimationFrame(run);
    }
    function place_(mark) { mark.group.setAttribute("transform", `translate(${mark.x} ${mark.y})`); }
  }

  // Offers of this browser's time, in whatever zone it is: sent as seconds since 1970.
  function offers() {
    const shown = document.querySelectorAll("[data-now]");
    const tell = () => shown.forEach((one) => { one.textContent = new Date().toLocaleString(); });
    document.querySelectorAll("[data-offer]").forEach((one) => { one.hidden = false; });
    document.querySelectorAll("[data-unix]").forEach((field) => {
      field.form.addEventListener("submit", () => { field.value = (Date.now() / 1000).toFixed(3); });
    });
    if (shown.length) { tell(); setInterval(tell, 1000); }
  }

  // A change on trial: seconds left to confirm it. Its own page shows in the end what came of it.
  function trial() {
    const box = document.querySelector("[data-left]");
    if (!box) return;
    const ends = performance.now() + 1000 * Number(box.dataset.left);
    const again = box.closest("[data-again]");
    const ticking = setInterval(() => {
      const left = Math.ceil((ends - performance.now()) / 1000);
      box.querySelector("[data-count]").textContent = Math.max(0, left);
      if (left > 0) return;
      box.querySelector("[data-running]").hidden = true;
      box.querySelector("[data-over]").hidden = false;
      if (left < -3) {
        clearInterval(ticking);
        if (again) location.assign(again.dataset.again);
        else box.remove();
      }
    }, 500);
  }

  // The device goes away and comes back: go on once it has been gone and answers, or has answered for long.
  function comeback() {
    const note = document.querySelector("[data-back]");
    if (!note) return;
    let gone = false, answers = 0;
    setInterval(async () => {
      try {
        const answer = await fetch(note.dataset.back, { cache: "no-store", redirect: "manual" });
        answers += answer.status < 500 ? 1 : 0;
        if (answers && (gone || answers > 20)) location.assign(note.dataset.back);
      } catch { gone = true; }
    }, 1500);
  }

  function buttons() {
    document.querySelectorAll("[data-print]").forEach((one) => {
      one.hidden = false;
      one.addEventListener("click", () => print());
    });
    document.querySelectorAll("[data-busy]").forEach((form) => form.addEventListener("submit", () => {
      form.querySelector("progress").hidden = false;
    }));
  }

  zone();
  offers();
  trial();
  comeback();
  buttons();
  slow();
  monitor();
  listen();
})();
