// Has the browser make a passkey, or sign with one, and sends what it answers with the page's form.
// Where the browser cannot, the forms stay hidden and codes do the same.
import { gettext } from "./words.js";

/** @type {Record<string, (options: any) => Promise<Credential | null>>} */
const ASKS = {
  create: (options) =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
    }),
  get: (options) =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
    }),
};

/** @type {Record<string, string>} */
const WHY = {
  InvalidStateError: gettext("This passkey is among yours already."),
  NotAllowedError: gettext("No passkey came of it: it was cancelled, or took too long."),
  SecurityError: gettext("Passkeys do not work at this address of the site; a code does."),
};

/** @param {HTMLFormElement} form */
async function ask(form) {
  const asks = ASKS[form.dataset.asks ?? ""];
  const credential = await asks(JSON.parse(form.dataset.options ?? ""));
  if (!(credential instanceof PublicKeyCredential)) throw new Error("no passkey");
  const answer = form.querySelector('input[name$="answer"]');
  answer.value = JSON.stringify(credential.toJSON());
  form.submit();
}

/** @param {HTMLFormElement} form */
function serve(form) {
  const told = form.querySelector("p.notice");
  const button = form.querySelector("button");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    told.hidden = button.disabled = true;
    try {
      await ask(form);
    } catch (problem) {
      const name = problem instanceof Error ? problem.name : "";
      told.textContent =
        WHY[name] ?? gettext("This browser could not use a passkey here; a code does.");
      told.hidden = false;
    }
    button.disabled = false;
  });
}

if ("PublicKeyCredential" in window && "parseCreationOptionsFromJSON" in PublicKeyCredential) {
  for (const form of document.querySelectorAll("form.passkey")) serve(form);
  for (const note of document.querySelectorAll("p.no-passkeys")) note.remove();
}
