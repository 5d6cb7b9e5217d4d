// The grid and the data of what is written in the form, drawn by the server.

let asked = 0;

// Fetches the drawings of a specification that was accepted; out of reach, the old ones stay.
export async function showPreview(specification) {
  const mine = ++asked;
  try {
    const response = await fetch("/figures/specification", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(specification),
    });
    const text = await response.text();
    if (!response.ok || mine !== asked) return;
    const made = new DOMParser().parseFromString(text, "text/html").body;
    document.getElementById("preview").replaceChildren(...made.childNodes);
  } catch (error) {
    console.warn("could not fetch the preview:", error);
  }
}
