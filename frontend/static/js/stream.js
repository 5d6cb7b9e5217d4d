// Follows the live stream, whatever happens to the connection.

import { lost } from "./banner.js";

const BANNER_AFTER = 1000; // a short gap is not worth a word
const RETRY_AFTER = 2000;

// Calls `onEvent(kind, data)` for each event after `revision`, and once the connection is back
// after a gap, with kind "back"; returns a function that ends it.
export function follow(address, revision, onEvent) {
  let source;
  let banner;
  let retry;
  const connected = () => {
    if (banner) onEvent("back", {});
    hideBanner();
  };
  const hideBanner = () => {
    clearTimeout(banner);
    banner = undefined;
    lost("stream", false);
  };
  const disconnected = () => {
    banner ??= setTimeout(() => lost("stream", true), BANNER_AFTER);
    // the browser itself tries again, unless the answer was an error
    if (source.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY_AFTER);
  };
  const receive = (event) => {
    revision = event.lastEventId;
    onEvent(event.type, JSON.parse(event.data));
  };
  function open() {
    source?.close();
    clearTimeout(retry);
    source = new EventSource(`${address}&after=${revision}`);
    source.onopen = connected;
    source.onerror = disconnected;
    for (const kind of ["metric", "status", "diagnosis"]) source.addEventListener(kind, receive);
  }
  const close = () => {
    source?.close();
    clearTimeout(retry);
    hideBanner();
  };

  // A hidden page lets go: browsers open only six connections to one server.
  const look = () => (document.hidden ? close() : open());

  look();
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && look());
  return () => {
    document.removeEventListener("visibilitychange", look);
    close();
  };
}
