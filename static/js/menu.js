// The account menu closes when one clicks elsewhere or presses Escape; a page that the browser had put
// aside whole is fetched anew; and the worker that shows the offline page is set up, where the browser
// has such.

/** @type {HTMLDetailsElement | null} */
const menu = document.querySelector(".menu");

menu?.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
});
document.addEventListener("click", ({ target }) => {
  if (menu?.open && target instanceof Node && !menu.contains(target)) menu.open = false;
});

window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});

const { worker } = document.documentElement.dataset;
window.addEventListener("load", () => {
  // Private windows and full disks refuse it.
  if (worker) navigator.serviceWorker?.register(worker).catch(() => {});
});
