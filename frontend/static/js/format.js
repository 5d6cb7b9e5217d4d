// Numbers as the pages write them. frontend/formatting.py writes the same on the server.

// Returns a duration in its largest sensible unit, rounded.
export function duration(seconds) {
  if (seconds < 1) return "under 1 s";
  if (seconds < 100) return `${seconds.toFixed(0)} s`;
  if (seconds < 6000) return `${(seconds / 60).toFixed(0)} min`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(0)} days`;
}

// Returns an estimated duration.
export const approximateDuration = (seconds) =>
  seconds < 1 ? duration(seconds) : `about ${duration(seconds)}`;

// Returns an amount with its noun: "1 run", "1,200 runs".
export const count = (amount, noun) =>
  `${amount.toLocaleString("en")} ${noun}${amount === 1 ? "" : "s"}`;
