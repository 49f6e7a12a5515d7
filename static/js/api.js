// Speaks to the API: JSON in, JSON out, and two kinds of failure that a page can tell apart.

/** The server answered and said no. `message` is a sentence for people. */
export class ApiError extends Error {
  constructor(status, { code = "error", message = "", field = null } = {}, retryAfter = null) {
    super(message || "Something went wrong on our side. Please try again in a moment.");
    this.status = status;
    this.code = code;
    this.field = field;
    this.retryAfter = retryAfter;
  }
}

/** No answer came, or the server is away for a moment: the same request may be sent again. */
export class Unreachable extends Error {}

const AWAY = new Set([502, 503, 504]);

function csrfToken() {
  const found = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
  return found ? decodeURIComponent(found.slice("csrftoken=".length)) : "";
}

async function bodyOf(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/** Returns `{status, data}`; data is null when there is no content. */
export async function request(method, url, body, { keepalive = false } = {}) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
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
  if (AWAY.has(response.status)) throw new Unreachable("The site is away for a moment.");
  const data = await bodyOf(response);
  if (!response.ok) {
    throw new ApiError(
      response.status,
      data?.error ?? {},
      Number(response.headers.get("Retry-After")) || null,
    );
  }
  return { status: response.status, data };
}

export const post = (url, body, options) => request("POST", url, body, options);
export const get = (url) => request("GET", url);

/** A UUID4, also where the page is not served over https (there crypto.randomUUID is missing). */
export function freshKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}
