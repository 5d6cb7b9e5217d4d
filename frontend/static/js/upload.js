// Uploads of files with progress, which fetch does not report.

import { UNREACHABLE } from "./api.js";

export const MEGABYTE = 1 << 20;

// Sends a form; `onProgress` receives the share that was sent. Resolves as `send` of api.js does,
// with `stopped` if `signal` aborted it.
export function upload(url, form, { signal, onProgress }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const failed = (stopped) => () =>
      resolve({ ok: false, stopped, status: 0, body: { detail: UNREACHABLE } });
    request.open("POST", url);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(loaded / total));
    request.addEventListener("error", failed(false));
    request.addEventListener("abort", failed(true));
    request.addEventListener("load", () => {
      const { status, response } = request;
      const ok = status >= 200 && status < 300;
      resolve({ ok, status, body: response ?? { detail: UNREACHABLE } });
    });
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

// Shows which share of a size in bytes was sent, in a progress bar and the text next to it; `reading`
// is the text once everything was sent.
export function showUpload(container, share, size, reading) {
  const bar = container.querySelector("progress");
  const isSent = share >= 1;
  if (isSent) bar.removeAttribute("value");
  else bar.value = share;
  const megabytes = (amount) => (amount / MEGABYTE).toFixed(1);
  container.querySelector("#progress-text").textContent = isSent
    ? reading
    : `Sending: ${megabytes(share * size)} of ${megabytes(size)} MB`;
}
