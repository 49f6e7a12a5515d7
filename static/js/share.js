// The row under a fool: copy its address, or hand it to what the device shares with.

const row = document.querySelector("div[data-share]");
const address = row.querySelector("input");
const copy = row.querySelector("button[data-copy]");
const send = row.querySelector("button[data-send]");
const said = row.querySelector("p[role=status]");

async function copied() {
  try {
    await navigator.clipboard.writeText(address.value);
    return true;
  } catch {
    // No clipboard, as where the page does not come over https, or none allowed: the old way, from
    // the field itself.
    address.select();
    return document.execCommand("copy");
  }
}

copy.addEventListener("click", async () => {
  said.textContent = (await copied()) ? "Copied." : "Not allowed here: copy it from the field.";
});
send.addEventListener("click", () => {
  const { title } = document;
  navigator.share({ title, url: address.value }).catch(() => {}); // thought better of it
});
copy.hidden = false;
send.hidden = !navigator.share;
