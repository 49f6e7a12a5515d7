// Speaks to the API: JSON in, JSON out, for the person whose page this is, and two kinds of failure
// that a page can tell apart.
import { gettext, language } from "./words.js";

/** This site answered and said no. `message` is a sentence for people. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {{ code: string, message: string }} error
   * @param {number} retryAfter in seconds; 0 where the server does not say
   */
  constructor(status, { code, message }, retryAfter) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** No answer of this site came, or it cannot answer now: the same request may be sent again. */
export class Unreachable extends Error {
  constructor(message = STRANGE) {
    super(message);
  }
}

/** Throws whatever is neither of the two. @param {unknown} problem */
export function failed(problem) {
  if (problem instanceof ApiError || problem instanceof Unreachable) return problem;
  throw problem;
}

const PATIENCE = 30000; // ms for an answer
const OFFLINE = gettext("You seem to be offline.");
const AWAY = gettext("The site is away for a moment.");
const STRANGE = gettext(
  "What answered is not this site: does your network want you to sign in to it somewhere?",
);

function csrfToken() {
  const name = `${document.documentElement.dataset.csrfCookie}=`;
  const found = document.cookie.split("; ").find((part) => part.startsWith(name));
  return found ? decodeURIComponent(found.slice(name.length)) : "";
}

/**
 * What an answer says; undefined where it is no JSON, or cut short.
 * @param {Response} response
 */
async function bodyOf(response) {
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}

/** @param {string} method */
function headersOf(method) {
  const headers = new Headers({
    Accept: "application/json",
    "Accept-Language": language,
    "Content-Type": "application/json",
  });
  const { person } = document.documentElement.dataset;
  if (person) headers.set("X-Person", person);
  if (method !== "GET") headers.set("X-CSRFToken", csrfToken());
  return headers;
}

/**
 * Returns `{status, data, date}`; data is null when there is no content, date is the server's clock
 * in ms.
 * @param {string} method
 * @param {string} url
 * @param {unknown} [body]
 */
async function request(method, url, body, { keepalive = false } = {}) {
  let response;
  try {
    response = await fetch(url, {
      method,
      headers: headersOf(method),
      keepalive,
      credentials: "same-origin",
      signal: AbortSignal.timeout(PATIENCE),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Unreachable(OFFLINE);
  }
  const data = await bodyOf(response);
  const { ok, status } = response;
  const error = data?.error;
  if (status >= 500) throw new Unreachable(error?.message ?? AWAY);
  if (data === undefined || (!ok && !error?.message)) throw new Unreachable(STRANGE);
  if (!ok) throw new ApiError(status, error, Number(response.headers.get("Retry-After")) || 0);
  const date = Date.parse(response.headers.get("date") ?? "") || Date.now();
  return { status, data, date };
}

/**
 * @param {string} url
 * @param {unknown} [body]
 * @param {{ keepalive?: boolean }} [options]
 */
export const post = (url, body, options) => request("POST", url, body, options);

/** @param {string} url */
export const get = (url) => request("GET", url);

/**
 * Before asking again: until so many milliseconds have gone by, or the browser is online again.
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
export function pause(milliseconds) {
  return new Promise((done) => {
    const timer = setTimeout(finish, milliseconds);
    window.addEventListener("online", finish, { once: true });
    function finish() {
      clearTimeout(timer);
      window.removeEventListener("online", finish);
      done();
    }
  });
}

/** A UUID4, also where the page is not served over https (there crypto.randomUUID is missing). */
export function freshKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
