// Draws a preview of the specification in the form: its grid and its data.

import { send } from "./api.js";

let requests = 0;

// Fetches the drawings of a valid specification. If the service is unreachable, the old ones stay.
export async function showPreview(specification) {
  const mine = ++requests;
  const { ok, body } = await send("POST", "/charts/specification", specification, { accept: "text/html" });
  if (ok && mine === requests) {
    document.getElementById("preview").replaceChildren(...body.body.childNodes);
  }
}
