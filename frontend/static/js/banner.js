// The banner that the connection is lost: shown while anyone who needs it finds it so.

const finders = new Set();

export function lost(finder, isLost) {
  if (isLost) finders.add(finder);
  else finders.delete(finder);
  document.getElementById("lost").hidden = finders.size === 0;
}
