// The rounds page's two charts, from the figures in data-rounds and the colours in the tokens.
const box = document.getElementById("charts");
const rounds = JSON.parse(box.dataset.rounds);
const dark = matchMedia("(prefers-color-scheme: dark)");
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const SETS = [
  { name: "mnist_test", label: "MNIST’s test set", colour: "--bar-top" },
  { name: "gate_base", label: "Base images", colour: "--bar-target" },
];
const WHISKER = 5;
let charts = [];

/** Draws each point's 95 % interval as a whisker. */
function drawWhiskers(chart) {
  const { ctx, data, scales: { y } } = chart;
  data.datasets.forEach((dataset, index) => {
    if (!chart.isDatasetVisible(index)) return;
    ctx.save();
    ctx.strokeStyle = dataset.borderColor;
    ctx.lineWidth = 2;
    chart.getDatasetMeta(index).data.forEach(({ x }, i) => {
      const { low, high } = dataset.intervals?.[i] ?? {};
      if (low == null || high == null) return;
      const [top, bottom] = [y.getPixelForValue(high * 100), y.getPixelForValue(low * 100)];
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, bottom);
      for (const end of [top, bottom]) {
        ctx.moveTo(x - WHISKER, end);
        ctx.lineTo(x + WHISKER, end);
      }
      ctx.stroke();
    });
    ctx.restore();
  });
}

function line(label, values, colour, extra = {}) {
  return {
    label,
    data: values.map((value) => (value == null ? null : value * 100)),
    borderColor: token(colour),
    backgroundColor: token(colour),
    borderWidth: 2.5,
    pointRadius: 5,
    tension: 0,
    spanGaps: true,
    ...extra,
  };
}

function options(y) {
  const grid = { color: token("--line") };
  const ticks = { color: token("--ink-soft") };
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: { grid: { display: false }, ticks, offset: true, title: { display: true, text: "Round", color: token("--ink-soft") } },
      y: { grid, ticks: { ...ticks, callback: (value) => `${Number(value.toFixed(1))} %` }, ...y },
    },
    plugins: {
      legend: { labels: { color: token("--ink"), boxWidth: 14, boxHeight: 3 } },
      tooltip: { callbacks: { label: ({ dataset, parsed }) => `${dataset.label}: ${parsed.y.toFixed(1)} %` } },
    },
  };
}

/** A figure on the stand-in and one on real images are never joined by a line: they are of different pictures. */
function accuracyLine({ name, label, colour }, standIn) {
  const sets = rounds.map((round) => (Boolean(round.sets[name].stand_in) === standIn ? round.sets[name] : {}));
  const look = standIn ? { borderDash: [2, 4], pointStyle: "rectRot", pointRadius: 7 } : {};
  return line(standIn ? `${label} (stand-in)` : label, sets.map((set) => set.accuracy), colour, { intervals: sets, ...look });
}

function accuracyLines() {
  return SETS.flatMap((set) => [false, true].map((standIn) => accuracyLine(set, standIn)))
    .filter((dataset) => dataset.data.some((value) => value != null));
}

/** Where the axis has to begin for every whisker to be whole. */
function lowest(lines) {
  const ends = lines.flatMap(({ intervals }) => intervals.map(({ low }) => low)).filter((low) => low != null);
  return ends.length ? Math.floor(Math.min(...ends) * 1000 - 1) / 10 : undefined;
}

function draw() {
  charts.forEach((chart) => chart.destroy());
  const labels = rounds.map(({ round }) => round);
  const accuracies = accuracyLines();
  window.Chart.defaults.font.family = token("--font");
  charts = [
    new window.Chart(document.getElementById("fooling-chart"), {
      type: "line",
      data: {
        labels,
        datasets: [
          line("vMER (verified)", rounds.map(({ vmer }) => vmer), "--bar-target"),
          line("MER (all fools)", rounds.map(({ mer }) => mer), "--bar", { borderDash: [5, 5] }),
        ],
      },
      options: options({ beginAtZero: true, suggestedMax: 20 }),
    }),
    new window.Chart(document.getElementById("accuracy-chart"), {
      type: "line",
      data: { labels, datasets: accuracies },
      options: options({ max: 100, suggestedMin: lowest(accuracies) }),
      plugins: [{ id: "whiskers", afterDatasetsDraw: drawWhiskers }],
    }),
  ];
}

draw();
dark.addEventListener("change", draw);
