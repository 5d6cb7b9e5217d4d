// Sends JSON to the service. Resolves to {ok, body}; a body without JSON tells what went wrong.

export async function post(address, document) {
  try {
    const response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: document === undefined ? undefined : JSON.stringify(document),
    });
    return { ok: response.ok, body: await response.json() };
  } catch {
    return { ok: false, body: { detail: "The service does not answer; try again in a moment." } };
  }
}
