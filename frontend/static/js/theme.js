// Applies the theme that the reader chose, light or dark, before the page is drawn.
{
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}
