// A specification written as YAML and as a curl command.

// Quotes text, except plain words, so that YAML reads it as JSON does.
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
        return `${key}:\n${value.map((item) => `  - ${JSON.stringify(item)}\n`).join("")}`;
      }
      const lines = Object.entries(value).map(([setting, item]) => `  ${setting}: ${inline(item)}\n`);
      return `${key}:\n${lines.join("")}`;
    })
    .join("");
}

export function toCurl(document, origin) {
  const body = JSON.stringify(document).replaceAll("'", "'\\''");
  return `curl ${origin}/api/experiments \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'\n`;
}
