// Lets a run's curves grow: new points, the generalisation gap, thinning, and the marked epochs.
// Pure functions; charts keep their data as Plotly traces and layouts.

// Returns the points of a series {steps, values} that follow those a trace already has.
export function newPoints(trace, { steps, values } = { steps: [], values: [] }) {
  const last = trace.x.at(-1) ?? -Infinity;
  const first = steps.findIndex((step) => step > last);
  return first < 0 ? { x: [], y: [] } : { x: steps.slice(first), y: values.slice(first) };
}

// Returns validation minus train loss at the steps that both have, or undefined if one is missing.
export function gap({ train_loss: train, val_loss: validation }) {
  if (!train || !validation) return undefined;
  const above = new Map(validation.steps.map((step, index) => [step, validation.values[index]]));
  const steps = train.steps.filter((step) => above.has(step));
  const values = train.steps.flatMap((step, index) => {
    const [low, high] = [train.values[index], above.get(step)];
    return high === undefined ? [] : [low === null || high === null ? null : high - low];
  });
  return { steps, values };
}

// Returns the best epoch {epoch, value} after more validation losses; null before the first.
export function lowest(best, { steps, values } = { steps: [], values: [] }) {
  steps.forEach((epoch, index) => {
    const value = values[index];
    if (value !== null && (best === null || value < best.value)) best = { epoch, value };
  });
  return best;
}

// Thins traces to about `limit` points each, all at the same steps. Each part of the axis keeps the
// lowest and highest point of every trace, so that no peak disappears.
export function thin(traces, limit, isLog = false) {
  const kept = new Set(traces.flatMap(({ x, y }) => extremes(x, y, limit / 2, isLog)));
  for (const trace of traces) {
    const places = trace.x.flatMap((step, index) => (kept.has(step) ? [index] : []));
    trace.y = places.map((index) => trace.y[index]);
    trace.x = places.map((index) => trace.x[index]);
  }
}

// Returns the steps of the first, last, lowest and highest point in each of `count` parts of x.
function extremes(x, y, count, isLog) {
  const place = isLog ? (step) => Math.log(Math.max(step, 1)) : (step) => step;
  const [start, end] = [place(x[0]), place(x.at(-1))];
  const parts = new Map();
  x.forEach((step, index) => {
    const part = Math.min(count - 1, Math.floor((count * (place(step) - start)) / (end - start || 1)));
    const best = parts.get(part) ?? { low: index, high: index };
    if (y[index] < y[best.low] || y[best.low] === null) best.low = index;
    if (y[index] > y[best.high] || y[best.high] === null) best.high = index;
    parts.set(part, best);
  });
  const inside = [...parts.values()].flatMap(({ low, high }) => [x[low], x[high]]);
  return x.length ? [x[0], ...inside, x.at(-1)] : [];
}

// Moves the marks of a layout: {"best epoch": 12, "early stop": null}; null hides a mark. The region
// after the best epoch is shaded up to the last epoch.
export function moveMarks(layout, marks, last) {
  const isLog = layout.xaxis.type === "log";
  const place = (epoch) => (isLog ? Math.log10(Math.max(epoch, 1)) : epoch);
  const middle = (place(1) + place(last)) / 2;
  for (const [name, epoch] of Object.entries(marks)) {
    const [line, label] = [layout.shapes, layout.annotations].map((items) =>
      items.find((item) => item.name === name),
    );
    line.visible = label.visible = epoch !== null;
    if (epoch === null) continue;
    Object.assign(line, { x0: epoch, x1: epoch });
    const x = place(epoch);
    const xanchor = x < middle ? "left" : "right";
    Object.assign(label, { x, xanchor, text: `${name} ${epoch.toLocaleString("en")}` });
  }
  const best = marks["best epoch"];
  const shade = layout.shapes.find((shape) => shape.name === "after the best epoch");
  Object.assign(shade, { visible: best !== null && last > best, x0: best ?? 1, x1: last });
}
