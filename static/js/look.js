// Dark, light or as the device has it, as chosen at the foot of any page and remembered on this
// device. It is no module and stands in the head, so that it is done before anything is painted.
{
  const KEPT = "look";
  const { documentElement: root } = document;

  const kept = () => {
    try {
      return localStorage.getItem(KEPT) ?? "";
    } catch {
      return "";
    }
  };

  /** @param {string} look */
  const keep = (look) => {
    try {
      localStorage.setItem(KEPT, look);
    } catch {
      // Without storage it holds for this page.
    }
  };

  /** @param {string} look "dark", "light", or nothing: as the device has it */
  const apply = (look) => {
    const isChosen = look === "dark" || look === "light";
    if (isChosen) root.dataset.look = look;
    else delete root.dataset.look;
    /** @type {NodeListOf<HTMLMetaElement>} */
    const bars = document.querySelectorAll("meta[name=theme-color]");
    for (const bar of bars) {
      const { scheme } = bar.dataset;
      if (isChosen) bar.media = look === scheme ? "all" : "not all";
      else bar.media = `(prefers-color-scheme: ${scheme})`;
    }
    window.dispatchEvent(new Event("look"));
  };

  apply(kept());

  document.addEventListener("DOMContentLoaded", () => {
    const choice = document.querySelector("select[data-look]");
    if (!choice) return; // a page without a foot
    choice.value = kept();
    choice.closest("label")?.removeAttribute("hidden");
    choice.addEventListener("change", () => {
      keep(choice.value);
      apply(choice.value);
    });
    window.addEventListener("storage", ({ key }) => {
      if (key !== KEPT) return;
      choice.value = kept();
      apply(kept());
    });
  });
}
