// Speaks to the API: JSON in, JSON out, and two kinds of failure that a page can tell apart.

/** The server answered and said no. `message` is a sentence for people. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {number} retryAfter in seconds; 0 where the server does not say
   */
  constructor(status, message, retryAfter) {
    super(message || "Something went wrong on our side. Please try again in a moment.");
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** No answer came, or the server is away for a moment: the same request may be sent again. */
export class Unreachable extends Error {}

/** Throws whatever is neither of the two. @param {unknown} problem */
export function failed(problem) {
  if (problem instanceof ApiError || problem instanceof Unreachable) return problem;
  throw problem;
}

const AWAY = new Set([502, 503, 504]);
const NOT_OURS = "The answer did not come from this site.";

function csrfToken() {
  const name = `${document.documentElement.dataset.csrfCookie}=`;
  const found = document.cookie.split("; ").find((part) => part.startsWith(name));
  return found ? decodeURIComponent(found.slice(name.length)) : "";
}

/** @param {Response} response */
async function bodyOf(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/**
 * Returns `{status, data, date}`; data is null when there is no content, date is the server's clock
 * in ms. What is no JSON, or cut short, is no answer of ours: somebody between us spoke.
 * @param {string} method
 * @param {string} url
 * @param {unknown} [body]
 */
async function request(method, url, body, { keepalive = false } = {}) {
  const headers = new Headers({ Accept: "application/json" });
  if (method !== "GET") headers.set("X-CSRFToken", csrfToken());
  if (body !== undefined) headers.set("Content-Type", "application/json");
  let response;
  try {
    response = await fetch(url, {
      method,
      headers,
      keepalive,
      credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Unreachable("You seem to be offline.");
  }
  const data = await bodyOf(response);
  if (AWAY.has(response.status)) {
    throw new Unreachable(data?.error?.message || "The site is away for a moment.");
  }
  if (!data && response.status !== 204) throw new Unreachable(NOT_OURS);
  if (!response.ok) {
    const wait = Number(response.headers.get("Retry-After")) || 0;
    throw new ApiError(response.status, data?.error?.message, wait);
  }
  const date = Date.parse(response.headers.get("Date") ?? "") || Date.now();
  return { status: response.status, data, date };
}

/**
 * @param {string} url
 * @param {unknown} [body]
 * @param {{ keepalive?: boolean }} [options]
 */
export const post = (url, body, options) => request("POST", url, body, options);

/** @param {string} url */
export const get = (url) => request("GET", url);

/** A UUID4, also where the page is not served over https (there crypto.randomUUID is missing). */
export function freshKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
