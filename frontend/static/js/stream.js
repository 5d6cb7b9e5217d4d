// Follows the event stream of the service, and reconnects after an interruption.

import { reportConnection } from "./connection_banner.js";

const BANNER_AFTER = 1000; // milliseconds; shorter interruptions are not shown
const RETRY_AFTER = 2000; // milliseconds

// Calls `onEvent(kind, data, revision)` for each event after `revision`, and with kind "back" when
// the connection is back after an interruption. Returns a function that ends the stream.
export function follow(url, revision, onEvent) {
  let source;
  let banner;
  let retry;
  const connected = () => {
    if (banner) onEvent("back", {}, Number(revision));
    hideBanner();
  };
  const hideBanner = () => {
    clearTimeout(banner);
    banner = undefined;
    reportConnection("stream", { isLost: false });
  };
  const disconnected = () => {
    banner ??= setTimeout(() => reportConnection("stream", { isLost: true }), BANNER_AFTER);
    // the browser reconnects by itself, unless the answer was an error
    if (source.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY_AFTER);
  };
  const receive = (event) => {
    revision = event.lastEventId;
    onEvent(event.type, JSON.parse(event.data), Number(revision));
  };
  function open() {
    source?.close();
    clearTimeout(retry);
    source = new EventSource(`${url}&after=${revision}`);
    source.onopen = connected;
    source.onerror = disconnected;
    for (const kind of ["metric", "status", "diagnosis"]) source.addEventListener(kind, receive);
  }
  const close = () => {
    source?.close();
    clearTimeout(retry);
    hideBanner();
  };

  // A hidden page disconnects: browsers open only six connections to one server.
  const update = () => (document.hidden ? close() : open());

  update();
  document.addEventListener("visibilitychange", update);
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && update());
  return () => {
    document.removeEventListener("visibilitychange", update);
    close();
  };
}
