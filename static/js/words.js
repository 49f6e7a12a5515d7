// Sentences in the page's language, from the catalogue that it loads before any module; in English,
// which is what they are looked up by, where there is none.

/** @typedef {Record<string, string | number>} Values what stands in a sentence, as `%(name)s` */

const { lang = "" } = globalThis.document?.documentElement ?? {};

/** The page's, for times and numbers: in English a day comes before its month here. */
export const language = !lang || lang === "en" ? "en-GB" : lang;

const numbers = new Intl.NumberFormat(language, {
  maximumFractionDigits: 1,
  numberingSystem: "latn", // as the digits that people draw
});

/**
 * @param {string} sentence
 * @param {Values} values
 */
function filled(sentence, values) {
  const whole = sentence.replace(/%\((\w+)\)s/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? numbers.format(value) : value;
  });
  return language === "en-GB" ? whole.replace(/\b(a) 8\b/gi, "$1n 8") : whole;
}

/**
 * @param {string} sentence
 * @param {Values} [values]
 */
export function gettext(sentence, values = {}) {
  return filled(globalThis.django?.gettext(sentence) ?? sentence, values);
}

/**
 * @param {string} one
 * @param {string} many
 * @param {number} count stands in it as `%(count)s`
 * @param {Values} [values]
 */
export function ngettext(one, many, count, values = {}) {
  const english = count === 1 ? one : many;
  return filled(globalThis.django?.ngettext(one, many, count) ?? english, { count, ...values });
}

/**
 * A sentence with elements in it, whose words stand between their names: “<again>Sign in</again>.”
 * @param {string} sentence
 * @param {Record<string, HTMLElement>} elements
 * @returns {(string | HTMLElement)[]}
 */
export function withElements(sentence, elements) {
  const [before, name, words, after] = sentence.split(/<(\w+)>(.*?)<\/\1>(.*)/s);
  if (!name) return [sentence];
  elements[name].textContent = words;
  return [before, elements[name], ...withElements(after, elements)];
}
