// The service worker. Where a page cannot be fetched it shows the offline page, and does nothing else:
// all that it keeps is that page with its files. What it keeps is nobody's, and other pages' scripts
// go past it, so that none is stale. The site's worker script says what to keep, and loads this one.
{
  /** @type {WorkerScope} */
  const worker = /** @type {any} */ (self);
  const { site, version, page, files } = worker.KEPT;

  /** Fetched anew, whatever the browser has put by. */
  const keep = async () => {
    const cache = await caches.open(site + version);
    await cache.addAll([page, ...files].map((url) => new Request(url, { cache: "reload" })));
    await worker.skipWaiting();
  };

  const takeOver = async () => {
    for (const name of await caches.keys())
      if (name.startsWith(site) && name !== site + version) await caches.delete(name);
    await worker.registration.navigationPreload?.enable();
    await worker.clients.claim();
  };

  /** @param {string} url */
  const kept = async (url) => {
    const cache = await caches.open(site + version);
    return (await cache.match(url)) ?? Response.error();
  };

  /**
   * @param {WorkerFetch} event
   * @param {string} instead what is shown where it cannot be fetched
   */
  const fetched = async ({ request, preloadResponse }, instead) => {
    try {
      return (await preloadResponse) ?? (await fetch(request));
    } catch {
      return kept(instead);
    }
  };

  worker.addEventListener("install", (event) => event.waitUntil(keep()));
  worker.addEventListener("activate", (event) => event.waitUntil(takeOver()));
  worker.addEventListener("fetch", (event) => {
    const { method, mode, url } = event.request;
    const { origin, pathname } = new URL(url);
    // A form that was sent is not asked for again.
    if (mode === "navigate" && method === "GET") event.respondWith(fetched(event, page));
    else if (origin === location.origin && files.includes(pathname))
      event.respondWith(fetched(event, pathname));
  });
}
