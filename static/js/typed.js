// What was typed into a form stays in this tab until the page comes without its field, which is once
// it has arrived: so somebody who has to sign in anew does not type it again.
const place = document.querySelector("section[data-typed]");
const slot = `typed:${place.dataset.typed}:`;
const fields = place.querySelectorAll("textarea");

if (!fields.length) {
  for (const name of Object.keys(sessionStorage))
    if (name.startsWith(slot)) sessionStorage.removeItem(name);
}
for (const field of fields) {
  const name = slot + field.name;
  field.value ||= sessionStorage.getItem(name) ?? "";
  field.addEventListener("input", () => sessionStorage.setItem(name, field.value));
}
