import assert from "node:assert/strict";
import { test } from "node:test";
import { Hand } from "../../static/js/hand.js";

const contact = (pointerType, pointerId, timeStamp = 0, isPrimary = true) => ({
  pointerType,
  pointerId,
  timeStamp,
  isPrimary,
});

test("the pen takes over from a palm, which draws no more for a while", () => {
  const hand = new Hand();
  const palm = contact("touch", 1);
  assert.deepEqual(hand.touch(palm), { draws: true, takesBack: false });
  assert.deepEqual(hand.touch(contact("pen", 2, 100)), { draws: true, takesBack: true });
  assert.equal(hand.isDrawing(palm), false);
  hand.leave(contact("pen", 2, 900));
  hand.leave(palm);
  assert.equal(hand.touch(contact("touch", 3, 2000)).draws, false);
  hand.leave(contact("touch", 3, 2100));
  assert.equal(hand.touch(contact("touch", 4, 2500)).draws, true);
});

test("a pen that hovers keeps palms away", () => {
  const hand = new Hand();
  hand.hover(contact("pen", 1, 1000));
  assert.equal(hand.touch(contact("touch", 2, 1100)).draws, false);
});

test("two fingers draw nothing, nor does the one that is left", () => {
  const hand = new Hand();
  const [first, second] = [contact("touch", 1), contact("touch", 2, 10, false)];
  assert.equal(hand.touch(first).draws, true);
  assert.deepEqual(hand.touch(second), { draws: false, takesBack: true });
  hand.leave(first);
  assert.equal(hand.isDrawing(second), false);
  hand.leave(second);
  assert.equal(hand.touch(contact("touch", 3, 20)).draws, true);
});

test("a finger whose end was missed does not stop the next", () => {
  const hand = new Hand();
  hand.touch(contact("touch", 1));
  hand.drop();
  assert.equal(hand.touch(contact("touch", 2, 9)).draws, true);
});

test("a mouse does not disturb the pen", () => {
  const hand = new Hand();
  hand.touch(contact("pen", 1));
  assert.deepEqual(hand.touch(contact("mouse", 2)), { draws: false, takesBack: false });
});
