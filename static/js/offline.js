// The offline page stands where another page should: it asks for that one when the network is back.
window.addEventListener("online", () => location.reload());
