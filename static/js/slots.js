// Submissions on their way, each in a slot of its own in the browser's storage, so that two tabs
// never overwrite each other's. Without storage they are kept as long as the page is open.

/** @typedef {{ at: number, body: KeyedSubmission }} Slot */

export class Slots {
  #prefix;
  #storage;
  /** @type {Map<string, string>} */
  #here = new Map();

  /**
   * @param {string} owner whose submissions they are; another account on this device has its own
   * @param {Storage | null} storage
   */
  constructor(owner, storage) {
    this.#prefix = `outbox:${owner}:`;
    this.#storage = storage;
    this.#takeOver(`outbox:${owner}`);
  }

  /** Oldest first. @returns {KeyedSubmission[]} */
  get all() {
    return this.#names()
      .map((name) => this.#read(name))
      .filter((slot) => slot !== null)
      .sort((one, other) => one.at - other.at)
      .map(({ body }) => body);
  }

  /** @param {string} key */
  has(key) {
    return this.#read(this.#prefix + key) !== null;
  }

  /** @param {KeyedSubmission} body */
  put(body) {
    const name = this.#prefix + body.client_key;
    const slot = JSON.stringify({ at: Date.now(), body });
    try {
      if (!this.#storage) throw new Error("No storage.");
      this.#storage.setItem(name, slot);
    } catch {
      this.#here.set(name, slot);
    }
  }

  /** @param {string} key */
  remove(key) {
    this.#here.delete(this.#prefix + key);
    this.#storage?.removeItem(this.#prefix + key);
  }

  /**
   * Whether what changed in the storage is one of these slots.
   * @param {string | null} name
   */
  owns(name) {
    return name?.startsWith(this.#prefix) ?? false;
  }

  #names() {
    const stored = Array.from(
      { length: this.#storage?.length ?? 0 },
      (_, i) => `${this.#storage?.key(i)}`,
    );
    return [...stored, ...this.#here.keys()].filter((name) => this.owns(name));
  }

  /**
   * @param {string} name
   * @returns {Slot | null} null too for what is not ours
   */
  #read(name) {
    try {
      const slot = JSON.parse(this.#here.get(name) ?? this.#storage?.getItem(name) ?? "null");
      return slot?.body?.client_key ? slot : null;
    } catch {
      return null;
    }
  }

  /**
   * What the one slot of earlier pages held gets its own.
   * @param {string} name
   */
  #takeOver(name) {
    try {
      const body = JSON.parse(this.#storage?.getItem(name) ?? "null");
      if (body?.client_key) this.put(body);
      this.#storage?.removeItem(name);
    } catch {
      // Nothing that could be sent.
    }
  }
}

/** The browser's storage; null where it is forbidden. */
export function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
