// The API's docs are dark as the site's pages are: Swagger has the colours, and its own switch is not
// on this page. Like look.js no module, and in the head.
{
  const { documentElement: root } = document;
  const device = matchMedia("(prefers-color-scheme: dark)");

  const follow = () => {
    const { look } = root.dataset;
    root.classList.toggle("dark-mode", look ? look === "dark" : device.matches);
  };

  follow();
  device.addEventListener("change", follow);
}
