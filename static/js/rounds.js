// The rounds page's charts, from the figures in data-rounds and the colours in the tokens.
const rounds = JSON.parse(document.getElementById("charts").dataset.rounds);
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const FIRST = { colour: "--curve-one", pointStyle: "circle", borderDash: [] };
const SECOND = { colour: "--curve-two", pointStyle: "triangle", borderDash: [6, 4] };
const PERCENT = { factor: 100, sign: " %", type: "linear" };
const TIMES = { factor: 1, sign: "", type: "logarithmic" };
const CHARTS = [
  {
    canvas: "fooling-chart",
    unit: PERCENT,
    begin: () => 0,
    series: [
      { name: "vmer", label: "vMER (verified)", ...FIRST },
      { name: "mer", label: "MER (all fools)", ...SECOND },
    ],
  },
  {
    canvas: "tries-chart",
    unit: TIMES,
    begin: () => 1,
    series: [{ name: "tries", label: "Tries per fool", ...FIRST }],
  },
  {
    canvas: "ordinary-chart",
    unit: PERCENT,
    begin: justUnder(0.5),
    end: 100,
    series: [
      { name: "mnist_test", label: "MNIST’s test set", ...FIRST },
      { name: "gate_base", label: "Base images", ...SECOND },
    ],
  },
  {
    canvas: "drawings-chart",
    unit: PERCENT,
    begin: justUnder(10),
    end: 100,
    series: [
      { name: "earlier", label: "What fooled earlier models", ...FIRST },
      { name: "audited", label: "Audited drawings", ...SECOND },
    ],
  },
];
const SPREAD = 0.3; // how far apart, in rounds, the series of one round stand, so that no whisker hides another
const TICK = 28; // px that a tick takes
const MANY = 40; // rounds from which on whiskers are thin and points small
let charts = [];

/** Where an axis of such steps has to begin for every whisker to be whole. */
function justUnder(step) {
  return (lows) => (lows.length ? Math.floor(Math.min(...lows) / step) * step : undefined);
}

/** Every round, every second, every fifth …: as many ticks as there is room for. */
function ticked(width) {
  const step = [1, 2, 5, 10, 20, 50].find((one) => (rounds.length / one) * TICK <= width) ?? 100;
  return rounds.filter(({ round }) => round % step === 0).map(({ round }) => ({ value: round }));
}

/** 1, 2, 5, 10, 20, 50 … */
function isRound({ value }) {
  return [1, 2, 5].includes(Number(value.toExponential(6).split("e")[0]));
}

/** Draws each point's 95 % interval as a whisker. */
function drawWhiskers(chart) {
  const {
    ctx,
    data,
    chartArea,
    scales: { x, y },
  } = chart;
  const cap = Math.min(5, (x.getPixelForValue(2) - x.getPixelForValue(1)) * SPREAD * 0.4);
  ctx.save();
  ctx.beginPath();
  ctx.rect(chartArea.left - 8, chartArea.top - 2, chartArea.width + 16, chartArea.height + 4);
  ctx.clip();
  data.datasets.forEach((dataset, index) => {
    if (!chart.isDatasetVisible(index)) return;
    ctx.strokeStyle = dataset.borderColor;
    ctx.lineWidth = rounds.length > MANY ? 1 : 1.5;
    for (const point of dataset.data) {
      if (point.low == null || point.high == null) continue;
      const [middle, top, bottom] = [
        x.getPixelForValue(point.x),
        y.getPixelForValue(point.high),
        y.getPixelForValue(point.low),
      ];
      ctx.beginPath();
      ctx.moveTo(middle, top);
      ctx.lineTo(middle, bottom);
      for (const end of [top, bottom]) {
        ctx.moveTo(middle - cap, end);
        ctx.lineTo(middle + cap, end);
      }
      ctx.stroke();
    }
  });
  ctx.restore();
}

/** A figure on the stand-in and one on real images are never joined by a line: they are of different pictures. */
function lines({ series, unit }) {
  const found = series
    .flatMap((one) => [false, true].map((standIn) => ({ ...one, standIn })))
    .filter(({ name, standIn }) =>
      rounds.some((round) => round[name].value != null && round[name].stand_in === standIn),
    );
  return found.map((one, place) => line(one, unit, (place - (found.length - 1) / 2) * SPREAD));
}

function line({ name, label, colour, pointStyle, borderDash, standIn }, { factor }, shift) {
  const scaled = (value) => (value == null ? null : value * factor);
  const radius = rounds.length > MANY ? 2 : rounds.length > 12 ? 4 : 5;
  return {
    label: standIn ? `${label} (stand-in)` : label,
    data: rounds.map(({ round, [name]: { value, low, high, stand_in } }) =>
      stand_in === standIn
        ? { x: round + shift, y: scaled(value), low: scaled(low), high: scaled(high) }
        : { x: round + shift, y: null },
    ),
    borderColor: token(colour),
    backgroundColor: standIn ? token("--surface") : token(colour),
    borderWidth: 2,
    borderDash: standIn ? [2, 3] : borderDash,
    pointBorderDash: [],
    pointStyle,
    pointRadius: radius,
    clip: 8, // px: no point at the edge is cut
    tension: 0,
    spanGaps: true,
  };
}

function axes({ unit, begin, end }, datasets) {
  const title = (text) => ({ display: true, text, color: token("--ink-soft") });
  const ticks = { color: token("--ink-soft"), maxRotation: 0, autoSkipPadding: 12 };
  const lows = datasets
    .flatMap(({ data }) => data.map(({ low }) => low))
    .filter((low) => low != null);
  const highs = datasets
    .flatMap(({ data }) => data.map(({ high }) => high))
    .filter((high) => high != null);
  return {
    x: {
      type: "linear",
      min: 0.5,
      max: rounds.at(-1).round + 0.5,
      grid: { display: false },
      border: { color: token("--line") },
      ticks,
      afterBuildTicks: (axis) => (axis.ticks = ticked(axis.width)),
      title: title("Round"),
    },
    y: {
      type: unit.type,
      min: begin(lows),
      max: end,
      suggestedMax: highs.length ? Math.max(...highs) : undefined,
      grid: { color: token("--line") },
      border: { display: false },
      ...(unit.type === "logarithmic" && {
        afterBuildTicks: (axis) => (axis.ticks = axis.ticks.filter(isRound)),
      }),
      ticks: {
        ...ticks,
        maxTicksLimit: 7,
        callback: (value) => `${Number(value.toFixed(1))}${unit.sign}`,
      },
    },
  };
}

function options(chart, datasets) {
  const told = ({ dataset, raw, parsed }) =>
    `${dataset.label}: ${parsed.y.toFixed(1)}${chart.unit.sign} (${raw.low.toFixed(1)}–${raw.high.toFixed(1)})`;
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    interaction: { mode: "index", intersect: false },
    scales: axes(chart, datasets),
    plugins: {
      legend: {
        labels: {
          color: token("--ink"),
          usePointStyle: true,
          boxWidth: 8,
          boxHeight: 8,
          padding: 12,
        },
      },
      tooltip: {
        callbacks: { title: ([{ dataIndex }]) => `Round ${rounds[dataIndex].round}`, label: told },
      },
    },
  };
}

function draw() {
  charts.forEach((chart) => chart.destroy());
  window.Chart.defaults.font.family = token("--font");
  charts = CHARTS.flatMap((chart) => {
    const canvas = document.getElementById(chart.canvas);
    if (!canvas) return []; // no figures yet
    const datasets = lines(chart);
    return new window.Chart(canvas, {
      type: "line",
      data: { datasets },
      options: options(chart, datasets),
      plugins: [{ id: "whiskers", beforeDatasetsDraw: drawWhiskers }],
    });
  });
}

draw();
for (const look of ["(prefers-color-scheme: dark)", "print"])
  matchMedia(look).addEventListener("change", draw);
