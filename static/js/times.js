// Times as the reader's clock has them, which pages without scripts tell in UTC. The zone is in
// each one's title.
import { gettext, language } from "./words.js";

const zone = new Intl.DateTimeFormat(language, { timeZoneName: "short" });
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });

/**
 * @param {Date} at
 * @param {string} [month] "long" or "short": the day alone
 */
function told(at, month) {
  const style = month === "short" ? "short" : "long";
  const day = at.toLocaleDateString(language, { day: "numeric", month: style, year: "numeric" });
  return month ? day : gettext("%(day)s, %(time)s", { day, time: clock.format(at) });
}

/** @param {Date} at */
function zoneAt(at) {
  const part = zone.formatToParts(at).find(({ type }) => type === "timeZoneName");
  return [part?.value, zone.resolvedOptions().timeZone].filter(Boolean).join(", ");
}

for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  const { month } = time.dataset;
  time.title = `${month ? `${clock.format(at)}, ` : ""}${zoneAt(at)}`;
  time.textContent = told(at, month);
}
