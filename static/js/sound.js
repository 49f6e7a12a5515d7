// Sound and vibration at the moment of a trick: off, until somebody switches them on for their
// device.
const SLOT = "sound-on";
const NOTES = [523.25, 659.26, 783.99]; // Hz: C, E, G
const APART = 0.09; // s
const LENGTH = 0.22; // s
const LOUDNESS = 0.15;
const SHAKES = [30, 60, 60]; // ms: on, off, on

function wasOn() {
  try {
    return localStorage.getItem(SLOT) !== null;
  } catch {
    return false;
  }
}

/** @param {boolean} isOn */
function remember(isOn) {
  try {
    if (isOn) localStorage.setItem(SLOT, "1");
    else localStorage.removeItem(SLOT);
  } catch {
    // Without storage it holds for as long as the page is open, by the box itself.
  }
}

function play() {
  const context = new AudioContext();
  NOTES.forEach((frequency, place) => {
    const [note, volume] = [context.createOscillator(), context.createGain()];
    const begins = context.currentTime + place * APART;
    note.frequency.value = frequency;
    volume.gain.setValueAtTime(LOUDNESS, begins);
    volume.gain.exponentialRampToValueAtTime(0.001, begins + LENGTH);
    note.connect(volume).connect(context.destination);
    note.start(begins);
    note.stop(begins + LENGTH);
    if (place === NOTES.length - 1) note.addEventListener("ended", () => context.close());
  });
}

export class Sound {
  #box;

  /** @param {HTMLInputElement} box the switch */
  constructor(box) {
    this.#box = box;
    box.checked = wasOn();
    box.addEventListener("change", () => {
      remember(box.checked);
      this.cheer();
    });
  }

  /** Where that is wanted; who wants less motion is not shaken. */
  cheer() {
    if (!this.#box.checked) return;
    play();
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) navigator.vibrate?.(SHAKES);
  }
}
