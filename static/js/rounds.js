// The rounds page's charts, from the figures in data-rounds and the colours in the tokens.
import { isRound, justUnder, ticked } from "./ticks.js";
import { gettext, language } from "./words.js";

/**
 * @typedef {{
 *   factor: number,
 *   said: (number: number | string) => string,
 *   type: "linear" | "logarithmic",
 * }} Unit
 * @typedef {{ colour: string, pointStyle: "circle" | "triangle", borderDash: number[] }} Look
 * @typedef {Look & { name: FigureName, label: string }} Series
 * @typedef {{
 *   canvas: string,
 *   unit: Unit,
 *   begin: (lows: number[]) => number | undefined,
 *   end?: number,
 *   series: Series[],
 * }} Plan
 */

/** @type {RoundFigures[]} */
const rounds = JSON.parse(`${document.querySelector("div#charts").dataset.rounds}`);

/** @type {Look} */
const FIRST = { colour: "--curve-one", pointStyle: "circle", borderDash: [] };
/** @type {Look} */
const SECOND = { colour: "--curve-two", pointStyle: "triangle", borderDash: [6, 4] };
/** @type {Unit} */
const PERCENT = {
  factor: 100,
  said: (number) => gettext("%(number)s %", { number }),
  type: "linear",
};
/** @type {Unit} */
const TIMES = { factor: 1, said: String, type: "logarithmic" };
/** @type {Plan[]} */
const CHARTS = [
  {
    canvas: "fooling-chart",
    unit: PERCENT,
    begin: () => 0,
    series: [
      { name: "vmer", label: gettext("vMER (verified)"), ...FIRST },
      { name: "mer", label: gettext("MER (all tricks)"), ...SECOND },
    ],
  },
  {
    canvas: "tries-chart",
    unit: TIMES,
    begin: () => 1,
    series: [{ name: "tries", label: gettext("Tries per trick"), ...FIRST }],
  },
  {
    canvas: "ordinary-chart",
    unit: PERCENT,
    begin: justUnder(0.5),
    end: 100,
    series: [
      { name: "mnist_test", label: gettext("MNIST’s test set"), ...FIRST },
      { name: "gate_base", label: gettext("Base images"), ...SECOND },
    ],
  },
  {
    canvas: "drawings-chart",
    unit: PERCENT,
    begin: justUnder(10),
    end: 100,
    series: [
      { name: "earlier", label: gettext("What fooled earlier models"), ...FIRST },
      { name: "audited", label: gettext("Audited drawings"), ...SECOND },
    ],
  },
];
// How far apart, in rounds, the series of one round stand, so that no whisker hides another.
const SPREAD = 0.3;
const MANY = 40; // rounds from which on whiskers are thin and points small
const tenths = new Intl.NumberFormat(language, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
  numberingSystem: "latn",
});
const rtl = document.documentElement.dir === "rtl"; // how Chart.js calls it too
const dark = matchMedia("(prefers-color-scheme: dark)");
const paper = matchMedia("print");
/** @type {LineChart[]} */
let charts = [];

/** @param {string} name */
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * Those that there are.
 * @param {(number | null)[]} values
 */
const known = (values) => values.filter((value) => value !== null);

/**
 * Draws each point's 95 % interval as a whisker.
 * @param {LineChart} chart
 */
function drawWhiskers(chart) {
  const { ctx, data, chartArea } = chart;
  const { x, y } = chart.scales;
  const cap = Math.min(5, (x.getPixelForValue(2) - x.getPixelForValue(1)) * SPREAD * 0.4);
  ctx.save();
  ctx.beginPath();
  ctx.rect(chartArea.left - 8, chartArea.top - 2, chartArea.width + 16, chartArea.height + 4);
  ctx.clip();
  data.datasets.forEach((dataset, index) => {
    if (!chart.isDatasetVisible(index)) return;
    ctx.strokeStyle = String(dataset.borderColor);
    ctx.lineWidth = rounds.length > MANY ? 1 : 1.5;
    for (const point of dataset.data) {
      if (point.low === null || point.high === null) continue;
      const middle = x.getPixelForValue(point.x);
      const [top, bottom] = [y.getPixelForValue(point.high), y.getPixelForValue(point.low)];
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

/**
 * A figure on the stand-in and one on real images are never joined by a line: they are of
 * different pictures.
 * @param {Plan} plan
 */
function lines({ series, unit }) {
  const found = series
    .flatMap((one) => [false, true].map((standIn) => ({ one, standIn })))
    .filter(({ one, standIn }) =>
      rounds.some(({ [one.name]: { value, stand_in } }) => value !== null && stand_in === standIn),
    );
  return found.map(({ one, standIn }, place) =>
    line(one, standIn, unit, (place - (found.length - 1) / 2) * SPREAD),
  );
}

/**
 * @param {Series} series
 * @param {boolean} standIn
 * @param {Unit} unit
 * @param {number} shift in rounds
 * @returns {Line}
 */
function line({ name, label, colour, pointStyle, borderDash }, standIn, { factor }, shift) {
  /** @param {number | null} value */
  const scaled = (value) => (value === null ? null : value * factor);
  const radius = rounds.length > MANY ? 2 : rounds.length > 12 ? 4 : 5;
  return {
    label: standIn ? gettext("%(label)s (stand-in)", { label }) : label,
    data: rounds.map(({ round, [name]: { value, low, high, stand_in } }) =>
      stand_in === standIn
        ? { x: round + shift, y: scaled(value), low: scaled(low), high: scaled(high) }
        : { x: round + shift, y: null, low: null, high: null },
    ),
    borderColor: token(colour),
    backgroundColor: standIn ? token("--surface") : token(colour),
    borderWidth: 2,
    borderDash: standIn ? [2, 3] : borderDash,
    pointBorderDash: [], // the legend's points
    pointStyle,
    pointRadius: radius,
    clip: 8, // px: no point at the edge is cut
    tension: 0,
    spanGaps: true,
  };
}

/**
 * @param {Plan} plan
 * @param {Line[]} datasets
 * @returns {LineOptions["scales"]}
 */
function axes({ unit, begin, end }, datasets) {
  const points = datasets.flatMap(({ data }) => data);
  const highs = known(points.map(({ high }) => high));
  const numbers = rounds.map(({ round }) => round);
  const ticks = { color: token("--ink-soft"), maxRotation: 0, autoSkipPadding: 12 };
  return {
    x: {
      type: "linear",
      min: Math.min(...numbers) - 0.5,
      max: Math.max(...numbers) + 0.5,
      grid: { display: false },
      border: { color: token("--line") },
      ticks,
      afterBuildTicks: (axis) => {
        axis.ticks = ticked(numbers, axis.width);
      },
      title: { display: true, text: gettext("Round"), color: token("--ink-soft") },
    },
    y: {
      type: unit.type,
      min: begin(known(points.map(({ low }) => low))),
      max: end,
      suggestedMax: highs.length ? Math.max(...highs) : undefined,
      grid: { color: token("--line") },
      border: { display: false },
      afterBuildTicks: (axis) => {
        if (unit.type === "logarithmic") axis.ticks = axis.ticks.filter(isRound);
      },
      ticks: {
        ...ticks,
        maxTicksLimit: 7,
        callback: (value) => unit.said(Number(Number(value).toFixed(1))),
      },
    },
  };
}

/**
 * @param {Plan} plan
 * @param {Line[]} datasets
 * @returns {LineOptions}
 */
function options(plan, datasets) {
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    interaction: { mode: "index", intersect: false },
    scales: axes(plan, datasets),
    plugins: {
      legend: {
        rtl,
        display: datasets.length > 1,
        labels: {
          color: token("--ink"),
          usePointStyle: true,
          boxWidth: 8,
          boxHeight: 8,
          padding: 12,
        },
      },
      tooltip: {
        rtl,
        callbacks: {
          title: ([{ dataIndex }]) =>
            gettext("Round %(number)s", { number: rounds[dataIndex].round }),
          label: ({ dataset, dataIndex }) => {
            const { y, low, high } = /** @type {Line} */ (dataset).data[dataIndex];
            const [value, from, to] = known([y, low, high]).map((each) => tenths.format(each));
            return gettext("%(label)s: %(value)s (%(from)s–%(to)s)", {
              label: `${dataset.label}`,
              value: plan.unit.said(value),
              from,
              to,
            });
          },
        },
      },
    },
  };
}

function draw() {
  for (const chart of charts) chart.destroy();
  window.Chart.defaults.font.family = token("--font");
  charts = CHARTS.flatMap((plan) => {
    const canvas = document.getElementById(plan.canvas);
    if (!(canvas instanceof HTMLCanvasElement)) return []; // no figures yet
    if (canvas.closest("details:not([open])") && !paper.matches) return [];
    const datasets = lines(plan);
    return new window.Chart(canvas, {
      type: "line",
      data: { datasets },
      options: options(plan, datasets),
      plugins: [{ id: "whiskers", beforeDatasetsDraw: drawWhiskers }],
    });
  });
}

/** An address that names what is folded away opens it. */
function unfold() {
  const there = document.getElementById(location.hash.slice(1));
  const fold = there?.closest("details");
  if (!fold) return;
  fold.open = true;
  there?.scrollIntoView();
}

draw();
for (const look of [dark, paper]) look.addEventListener("change", draw);
window.addEventListener("look", draw);
for (const fold of document.querySelectorAll("details.fold")) fold.addEventListener("toggle", draw);
unfold();
window.addEventListener("hashchange", unfold);
