// Sends JSON to the service. Resolves to {ok, body}; a body without JSON tells what went wrong.

export const post = (address, document) => send("POST", address, document);

export async function send(method, address, document) {
  try {
    const response = await fetch(address, {
      method,
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: document === undefined ? undefined : JSON.stringify(document),
    });
    return { ok: response.ok, body: response.status === 204 ? {} : await response.json() };
  } catch {
    return { ok: false, body: { detail: "The service does not answer; try again in a moment." } };
  }
}
