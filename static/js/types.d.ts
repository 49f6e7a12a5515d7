// What the API says and pages keep, for the type checks alone: no page loads this. What is imported
// for its type is so here, as whoever collects the static files takes import() in a comment for one.

/** Points in canvas units; a stroke's times are milliseconds since the drawing began. */
interface Path {
  x: number[];
  y: number[];
}

type Place = [x: number, y: number];

interface Stroke extends Path {
  t: number[];
}

interface Prediction {
  predicted_label: number;
  probabilities: number[];
}

/** A drawing that is there, with what the model said of it. */
interface Judged extends Prediction {
  id: string;
  target_label: number;
  fooled: boolean;
  status: string;
  original?: boolean;
  reason?: string;
}

/** The same in an arm of the study without a verdict. */
interface Unjudged {
  id: string;
  target_label: number;
  predicted_label: null;
  probabilities: null;
  fooled: null;
  status: string;
}

type Attempt = Judged | Unjudged;

interface Submission {
  target_label: number;
  strokes: Stroke[];
  width: number;
}

/** On its way: the key makes it the same submission however often it is sent. */
interface KeyedSubmission extends Submission {
  client_key: string;
}

interface Assignment {
  id: string;
  expires: string;
  attempt: { strokes: Stroke[]; width: number; pixels: number[] };
}

interface Training {
  progress: number;
  started: string;
}

/** A figure of a round with its 95 % interval; null where it was not measured. */
interface Figure {
  value: number | null;
  low: number | null;
  high: number | null;
  stand_in: boolean;
}

type FigureName = "vmer" | "mer" | "tries" | "mnist_test" | "gate_base" | "earlier" | "audited";
type RoundFigures = { round: number } & Record<FigureName, Figure>;

/** A figure in the rounds page's charts; x is the round, a little to a side. */
interface Point {
  x: number;
  y: number | null;
  low: number | null;
  high: number | null;
}

type Line = import("chart.js").ChartDataset<"line", Point[]> & { pointBorderDash: [] };
type LineChart = import("chart.js").Chart<"line", Point[]>;
type LineOptions = import("chart.js").ChartOptions<"line">;
type Pad = import("./pad.js").Pad;

/**
 * A selector that begins with a tag, as `button#submit`, is of that tag, and its script's page has
 * one: the templates see to it.
 */
type Part<Tag extends string> = `${Tag}#${string}` | `${Tag}.${string}` | `${Tag}[${string}`;
type Tags = HTMLElementTagNameMap;

interface ParentNode {
  querySelector<Tag extends keyof Tags>(selector: Part<Tag> | Tag): Tags[Tag];
  querySelectorAll<Tag extends keyof Tags>(selector: Part<Tag>): NodeListOf<Tags[Tag]>;
}

interface Window {
  Chart: typeof import("chart.js").Chart;
}

/** The catalogue of the page's language, for words.js; there need be none. */
declare var django:
  | {
      gettext(sentence: string): string;
      ngettext(one: string, many: string, count: number): string;
    }
  | undefined;

/** What the worker uses of its own world, which the types of pages do not have. */
interface WorkerEvent extends Event {
  waitUntil(done: Promise<unknown>): void;
}

interface WorkerFetch extends WorkerEvent {
  request: Request;
  preloadResponse: Promise<Response | undefined>;
  respondWith(response: Promise<Response>): void;
}

interface WorkerScope {
  KEPT: { site: string; version: string; page: string; files: string[] };
  registration: ServiceWorkerRegistration;
  clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", on: (event: WorkerEvent) => void): void;
  addEventListener(type: "fetch", on: (event: WorkerFetch) => void): void;
}
