import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** As much of a browser's storage as is asked for. */
class Storage {
  #items = new Map();
  get length() {
    return this.#items.size;
  }
  key(i) {
    return [...this.#items.keys()][i];
  }
  getItem(name) {
    return this.#items.get(name) ?? null;
  }
  setItem(name, text) {
    this.#items.set(name, text);
  }
  removeItem(name) {
    this.#items.delete(name);
  }
}

const page = new EventTarget();
Object.assign(globalThis, {
  window: page,
  document: { documentElement: { dataset: { person: "p1", csrfCookie: "csrf" } }, cookie: "" },
});
Object.defineProperty(globalThis, "navigator", { value: {} }); // a browser without locks
const { Outbox } = await import("../../static/js/outbox.js");
const { Slots } = await import("../../static/js/slots.js");

const drawing = { target_label: 4, strokes: [{ x: [1, 9], y: [1, 9], t: [0, 5] }], width: 22 };
const ours = { id: "a1", target_label: 4, predicted_label: 4, probabilities: Array(10).fill(0.1) };
const json =
  (status, body, headers = {}) =>
  () =>
    new Response(JSON.stringify(body), { status, headers });
const refusal = (status, code) => json(status, { error: { code, message: "No." } });
let asked = [];

/** The next answers; whatever waits between them is waked at once. */
function answers(...given) {
  globalThis.fetch = async (_url, { body, headers }) => {
    asked.push({ ...JSON.parse(body), person: headers.get("X-Person") });
    return given.shift()();
  };
}
const waked = () => setTimeout(() => page.dispatchEvent(new Event("online")));

beforeEach(() => {
  asked = [];
  page.localStorage = new Storage();
});

test("no answer but this site's own ends the sending", async () => {
  const outbox = new Outbox("/api/attempts/", "p1");
  const kept = outbox.keep(drawing);
  answers(
    () => {
      throw new TypeError("offline");
    },
    () => new Response("<p>Sign in</p>", { status: 200 }),
    () => new Response('{"id": "a', { status: 201 }),
    json(200, {}),
    json(200, null),
    json(200, { ...ours, target_label: 7 }),
    () => new Response("<p>Blocked</p>", { status: 403 }),
    () => new Response(null, { status: 204 }),
    json(503, { error: { code: "unavailable", message: "Later." } }),
    refusal(429, "too_many"),
    json(201, ours),
  );
  const told = [];
  const answer = await outbox.send(kept, (message) => {
    assert.ok(outbox.keeps(kept));
    told.push(message);
    waked();
  });
  assert.equal(answer.id, "a1");
  assert.equal(told.length, 10);
  assert.equal(new Set(asked.map(({ client_key }) => client_key)).size, 1);
  assert.deepEqual(new Set(asked.map(({ person }) => person)), new Set(["p1"]));
  assert.deepEqual(outbox.waiting, []);
});

test("what is refused for what it is goes, what is refused for who asks stays", async () => {
  for (const [status, code, stays] of [
    [409, "copy", false],
    [422, "unprocessable", false],
    [401, "not_authenticated", true],
    [403, "forbidden", true],
    [409, "another_person", true],
  ]) {
    const outbox = new Outbox("/api/attempts/", code);
    const kept = outbox.keep(drawing);
    answers(refusal(status, code));
    await assert.rejects(
      outbox.send(kept, () => {}),
      { status, code },
    );
    assert.equal(outbox.keeps(kept), stays, code);
  }
});

test("what another tab has sent meanwhile is not sent again", async () => {
  const outbox = new Outbox("/api/attempts/", "p1");
  const kept = outbox.keep(drawing);
  new Slots("p1", page.localStorage).remove(kept.client_key);
  assert.equal(await outbox.sendLeft(kept, () => {}), null);
  assert.deepEqual(asked, []);
});

test("each drawing has a slot, each account its own, oldest first", () => {
  const storage = new Storage();
  const [one, other] = [new Slots("p1", storage), new Slots("p1", storage)];
  for (const [slots, key] of [
    [one, "k1"],
    [other, "k2"],
    [one, "k3"],
  ])
    slots.put({ ...drawing, client_key: key });
  new Slots("p2", storage).put({ ...drawing, client_key: "k4" });
  assert.deepEqual(new Set(other.all.map((body) => body.client_key)), new Set(["k1", "k2", "k3"]));
  one.remove("k2");
  assert.equal(other.has("k2"), false);
});

test("without storage, and with what is broken in it, drawings are kept while the page lives", () => {
  const full = new Storage();
  full.setItem("outbox:p1:odd", "{");
  full.setItem = () => {
    throw new Error("full");
  };
  for (const storage of [null, full]) {
    const slots = new Slots("p1", storage);
    slots.put({ ...drawing, client_key: "k1" });
    assert.deepEqual(
      slots.all.map((body) => body.client_key),
      ["k1"],
    );
    slots.remove("k1");
    assert.deepEqual(slots.all, []);
  }
});

test("what the one slot of earlier pages held is taken over", () => {
  const storage = new Storage();
  storage.setItem("outbox:p1", JSON.stringify({ ...drawing, client_key: "k0" }));
  assert.equal(new Slots("p1", storage).all[0].client_key, "k0");
  assert.equal(storage.getItem("outbox:p1"), null);
});
