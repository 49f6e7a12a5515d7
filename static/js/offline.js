// The offline page stands where another page should: it asks for that one when the network is back,
// and now and then, as the network may be there and the site not.
const EVERY = 10_000; // ms

async function lookAgain() {
  try {
    await fetch(location.href, { method: "HEAD" });
  } catch {
    return;
  }
  location.reload();
}

window.addEventListener("online", lookAgain);
setInterval(lookAgain, EVERY);
