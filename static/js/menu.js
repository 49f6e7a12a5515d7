// The account menu closes when one clicks elsewhere or presses Escape; the page's own link in the
// main menu is in view; a page that the browser had put aside whole is fetched anew; and the worker
// that shows the offline page is set up, where the browser has such.

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

const nav = document.querySelector("nav.site-nav");
const here = nav?.querySelector("a[aria-current]");
if (here) {
  const [link, row] = [here, nav].map((part) => part.getBoundingClientRect());
  nav.scrollLeft += Math.max(0, link.right - row.right) + Math.min(0, link.left - row.left);
}

window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});

const { worker } = document.documentElement.dataset;
window.addEventListener("load", () => {
  // Private windows and full disks refuse it.
  if (worker) navigator.serviceWorker?.register(worker).catch(() => {});
});
