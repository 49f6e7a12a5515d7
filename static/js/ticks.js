// Where the ticks of an axis stand.

const ROOM = 28; // px that a tick takes
const STEPS = [1, 2, 5, 10, 20, 50];

/**
 * Every round, every second, every fifth …: as many as there is room for.
 * @param {number[]} rounds
 * @param {number} width px
 */
export function ticked(rounds, width) {
  const step = STEPS.find((one) => (rounds.length / one) * ROOM <= width) ?? 100;
  return rounds.filter((round) => round % step === 0).map((value) => ({ value }));
}

/**
 * Whether it is 1, 2, 5, 10, 20, 50 …
 * @param {{ value: number }} tick
 */
export function isRound({ value }) {
  return [1, 2, 5].includes(Number(value.toExponential(6).split("e")[0]));
}

/**
 * Where an axis of such steps has to begin for every whisker to be whole.
 * @param {number} step
 * @returns {(lows: number[]) => number | undefined}
 */
export function justUnder(step) {
  return (lows) => (lows.length ? Math.floor(Math.min(...lows) / step) * step : undefined);
}
