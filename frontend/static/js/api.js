// Requests to the service. Every request of the pages goes through this module.

export const UNREACHABLE = "The service does not answer. Try again in a moment.";

// Sends a request; `document` is sent as JSON. Resolves to {ok, status, body}, never rejects. The
// body is parsed JSON, or a Document if HTML is accepted. If the service is unreachable, or answers
// something else, `ok` is false, `status` is 0 or that of the answer, and `body.detail` explains it.
export async function send(method, url, document, { accept = "application/json", timeout } = {}) {
  const headers = { Accept: accept };
  if (document !== undefined) headers["Content-Type"] = "application/json";
  let status = 0;
  try {
    const response = await fetch(url, {
      method,
      headers,
      body: document === undefined ? undefined : JSON.stringify(document),
      signal: timeout && AbortSignal.timeout(timeout),
    });
    status = response.status;
    return { ok: response.ok, status, body: await parsed(response, accept) };
  } catch (error) {
    console.warn(`${method} ${url} failed:`, error);
    return { ok: false, status, body: { detail: UNREACHABLE } };
  }
}

async function parsed(response, accept) {
  if (response.status === 204) return {};
  return accept === "text/html" ? parseHtml(await response.text()) : response.json();
}

export const parseHtml = (text) => new DOMParser().parseFromString(text, "text/html");

export const post = (url, document) => send("POST", url, document);

export const getJson = (url, options) => send("GET", url, undefined, options);

export const getHtml = (url) => send("GET", url, undefined, { accept: "text/html" });
