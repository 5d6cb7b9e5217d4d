// A specification written as YAML and as a curl command.

// Text in quotes that YAML reads as JSON does; plain words stay plain.
const scalar = (value) =>
  typeof value === "string" && /^[a-z_]+$/.test(value) && !/^(null|true|false|yes|no|on|off|y|n)$/.test(value)
    ? value
    : JSON.stringify(value);

const inline = (value) =>
  Array.isArray(value) ? `[${value.map(scalar).join(", ")}]` : scalar(value);

export function toYaml(document) {
  return Object.entries(document)
    .map(([key, value]) => {
      if (value === null || typeof value !== "object") return `${key}: ${inline(value)}\n`;
      if (Array.isArray(value)) {
        return `${key}:\n${value.map((each) => `  - ${JSON.stringify(each)}\n`).join("")}`;
      }
      const lines = Object.entries(value).map(([knob, each]) => `  ${knob}: ${inline(each)}\n`);
      return `${key}:\n${lines.join("")}`;
    })
    .join("");
}

export function toCurl(document, origin) {
  const body = JSON.stringify(document).replaceAll("'", "'\\''");
  return `curl ${origin}/api/experiments \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'\n`;
}
