// What is secondary stands behind a fold on a narrow screen, and open on any other.

if (matchMedia("(max-width: 40rem)").matches) {
  for (const fold of document.querySelectorAll("details.fold")) fold.open = false;
}
