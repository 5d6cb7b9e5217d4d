// The banner "The connection is lost". It is shown while at least one reporter finds it lost.

const reporters = new Set();

export function reportConnection(reporter, { isLost }) {
  if (isLost) reporters.add(reporter);
  else reporters.delete(reporter);
  document.getElementById("lost").hidden = reporters.size === 0;
}
