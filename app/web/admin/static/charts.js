// Draws the status figures; the same figures stand in the table below for those who see no chart.
"use strict";
(async () => {
  const room = document.getElementById("charts");
  if (!room || !window.uPlot) return;
  const answer = await fetch(room.dataset.from, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return;
  const data = await answer.json();
  const ink = getComputedStyle(document.body).color;
  const colour = getComputedStyle(document.querySelector("a")).color;
  const last = data.at[data.at.length - 1], span = Number(room.dataset.hours) * 3600;
  const grid = { stroke: "#8884", width: 1 };
  for (const row of document.querySelectorAll("tr[data-figure]")) {
    const name = row.dataset.figure, title = row.cells[0].textContent;
    if (!data[name]) continue;
    const box = document.createElement("div");
    box.className = "chart";
    room.append(box);
    const percent = title.includes("%");
    new window.uPlot({
      title, width: box.clientWidth - 20, height: 190, legend: { show: false }, cursor: { drag: { x: false } },
      scales: { x: { range: () => [last - span, last] }, y: { range: percent ? [0, 100] : (_, low, high) => [Math.min(0, low), Math.max(high * 1.1, 1)] } },
      axes: [{ stroke: ink, grid }, { stroke: ink, grid, size: 45 }],
      series: [{}, { label: title, stroke: colour, width: 2, spanGaps: false }],
    }, [data.at, data[name]], box);
  }
})();
