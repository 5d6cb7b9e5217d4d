// The train and validation loss of a run as paths of a small chart, as small_curve.html draws them.

const [WIDTH, HEIGHT] = [220, 110];
const LOG_FROM = 20; // times the lowest value

// Returns {train, validation, low, high, isLog} for lines {steps, values}; null without a value.
export function lossPaths(train, validation) {
  const values = [...train.values, ...validation.values].filter((value) => value !== null);
  const steps = [...train.steps, ...validation.steps];
  if (!values.length) return null;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [first, last] = [Math.min(...steps), Math.max(...steps)];
  const isLog = low > 0 && high / low > LOG_FROM;
  const scale = isLog ? Math.log10 : Number;
  const x = (step) => (WIDTH * (step - first)) / Math.max(1, last - first);
  const y = (value) => (HEIGHT * (scale(high) - scale(value))) / (scale(high) - scale(low) || 1);
  return { train: path(train, x, y), validation: path(validation, x, y), low, high, isLog };
}

// A value that is missing leaves a gap. A single point is drawn as a dot.
function path({ steps, values }, x, y) {
  let drawn = "";
  let isGap = true;
  steps.forEach((step, index) => {
    if (values[index] === null) {
      isGap = true;
      return;
    }
    drawn += `${isGap ? "M" : "L"}${x(step).toFixed(1)} ${y(values[index]).toFixed(1)}`;
    const isAlone = isGap && (values[index + 1] ?? null) === null;
    if (isAlone) drawn += "h.1";
    isGap = false;
  });
  return drawn;
}
