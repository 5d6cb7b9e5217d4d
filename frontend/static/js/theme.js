// Light or dark: the system's choice, or the reader's. Runs before the page is drawn.
{
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}
