// Which of the pointers on the pad draws: the pen before a palm that rests beside it, one finger but
// never two, and nothing that is pressed on after its stroke has ended.

const PEN_STAYS = 1500; // ms after the pen was last near in which a touch is the hand that holds it

/** @typedef {Pick<PointerEvent, "pointerId" | "pointerType" | "isPrimary" | "timeStamp">} Contact */

export class Hand {
  /** @type {Contact | null} */
  #drawing = null;
  /** @type {Set<number>} */
  #touching = new Set();
  #penSeenAt = Number.NEGATIVE_INFINITY;

  /** Whether something is drawing. */
  get isDown() {
    return this.#drawing !== null;
  }

  /** @param {Contact} contact */
  isDrawing({ pointerId }) {
    return this.#drawing?.pointerId === pointerId;
  }

  /**
   * Something comes down: whether it draws, and whether what drew before was a mistake, whose stroke
   * has to go.
   * @param {Contact} contact
   */
  touch(contact) {
    const { pointerId, pointerType, isPrimary, timeStamp } = contact;
    const drew = this.#drawing;
    if (pointerType === "pen") this.#penSeenAt = timeStamp;
    if (pointerType !== "touch") {
      const takesBack = drew?.pointerType === "touch" && pointerType === "pen";
      const draws = drew === null || takesBack;
      if (draws) this.#drawing = contact;
      return { draws, takesBack };
    }
    if (isPrimary) this.#touching.clear(); // the first on the screen: of others we missed the end
    this.#touching.add(pointerId);
    if (this.#touching.size > 1) {
      const takesBack = drew?.pointerType === "touch";
      if (takesBack) this.#drawing = null;
      return { draws: false, takesBack };
    }
    const draws = drew === null && timeStamp - this.#penSeenAt >= PEN_STAYS;
    if (draws) this.#drawing = contact;
    return { draws, takesBack: false };
  }

  /**
   * A pen that hovers, or draws, keeps palms away.
   * @param {Contact} contact
   */
  hover({ pointerType, timeStamp }) {
    if (pointerType === "pen") this.#penSeenAt = timeStamp;
  }

  /** @param {Contact} contact */
  leave(contact) {
    this.hover(contact);
    this.#touching.delete(contact.pointerId);
    if (this.isDrawing(contact)) this.drop();
  }

  /** What draws stops drawing, though it stays down. */
  drop() {
    this.#drawing = null;
  }
}
