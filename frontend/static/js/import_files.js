// The log files that a person chooses or drops, each with its path below the chosen folder.

// Returns a function that tells by its path whether a file in a folder may be a log.
export function filter(notLogs) {
  return (path) =>
    !path.split("/").some((part) => part.startsWith(".")) &&
    !notLogs.some((ending) => path.toLowerCase().endsWith(ending));
}

// Returns the chosen files as {name, file}; those of a folder only if they may be logs.
export function chosenFiles(input, mayBeLog) {
  return [...input.files]
    .map((file) => ({ name: file.webkitRelativePath || file.name, file }))
    .filter(({ name, file }) => !file.webkitRelativePath || mayBeLog(name));
}

// Resolves to the dropped files as {name, file}; folders are searched. Must be called at once,
// because the browser forgets what was dropped after the event.
export async function droppedFiles(transfer, mayBeLog) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ name: file.name, file }));
  const found = await Promise.all(entries.map((entry) => filesBelow(entry, mayBeLog)));
  return found.flat();
}

async function filesBelow(entry, mayBeLog) {
  const name = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    if (name.includes("/") && !mayBeLog(name)) return [];
    return [{ name, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) }];
  }
  const found = [];
  for (const child of await children(entry)) found.push(...(await filesBelow(child, mayBeLog)));
  return found;
}

// A reader returns the entries of a folder in pieces, an empty piece at the end.
async function children(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const piece = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!piece.length) return all.sort((a, b) => (a.name < b.name ? -1 : 1));
    all.push(...piece);
  }
}
