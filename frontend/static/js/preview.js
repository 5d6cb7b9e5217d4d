// Pictures of the grid and the data of the specification in the form, drawn by the server.

let requests = 0;

// Fetches the pictures of an accepted specification. If that fails, the old ones stay.
export async function showPreview(specification) {
  const mine = ++requests;
  try {
    const response = await fetch("/figures/specification", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(specification),
    });
    const text = await response.text();
    if (!response.ok || mine !== requests) return;
    const fragment = new DOMParser().parseFromString(text, "text/html").body;
    document.getElementById("preview").replaceChildren(...fragment.childNodes);
  } catch (error) {
    console.warn("could not fetch the preview:", error);
  }
}
