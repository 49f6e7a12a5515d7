// The account menu closes when one clicks elsewhere or presses Escape.

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
