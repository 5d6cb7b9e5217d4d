// Ranges in the fields of the form: "1..4" is 1, 2, 3, 4, and "2^3..2^5" is 8, 16, 32.

const WHOLE = /^(\d+)\s*\.{2,3}\s*(\d+)$/;
const POWERS = /^(\d+)\s*\^\s*(\d+)\s*\.{2,3}\s*(\d+)\s*\^\s*(\d+)$/;
const POWER = /^(\d+)\s*\^\s*(\d+)$/;
const MAX_VALUES = 1000; // a longer range is not written out, and is refused

// Returns the values that a text stands for, as texts.
export function expand(text) {
  const [, base, low, other, high] = POWERS.exec(text) ?? [];
  const [, only, exponent] = POWER.exec(text) ?? [];
  const [, first, last] = WHOLE.exec(text) ?? [];
  const powers = base && base === other ? between(low, high).map((power) => base ** power) : [];
  const values = only ? [only ** exponent] : first ? between(first, last) : powers;
  return values.length ? values.map(String) : [text];
}

function between(first, last) {
  const length = Number(last) - Number(first) + 1;
  if (!(length > 0 && length <= MAX_VALUES)) return [];
  return Array.from({ length }, (_, at) => Number(first) + at);
}
