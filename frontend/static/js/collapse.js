// Collapses secondary sections, <details class="collapse">, on a narrow screen.

if (matchMedia("(max-width: 40rem)").matches) {
  for (const section of document.querySelectorAll("details.collapse")) section.open = false;
}
