// The page of the data sets: sends a table that is dropped, chosen or pasted.

import { MEGABYTE, showUpload, upload } from "./upload.js";

const PASTED = "pasted.tsv"; // cells of a spreadsheet are pasted with tabs between them

const $ = (id) => document.getElementById(id);
const { dataset } = document.querySelector("main");
let running; // the AbortController of the upload

const showProgress = (share, size) => showUpload($("progress"), share, size, "Reading the table …");

async function add(file) {
  if (file.size > dataset.maxBytes) {
    const most = Math.floor(dataset.maxBytes / MEGABYTE);
    $("add-error").textContent = `The file has ${Math.ceil(file.size / MEGABYTE)} MB; accepted: at most ${most} MB.`;
    return;
  }
  running?.abort();
  const mine = (running = new AbortController());
  $("add-error").textContent = "";
  $("progress").hidden = false;
  showProgress(0, file.size);
  const form = new FormData();
  form.set("name", $("table-name").value);
  form.append("file", file, file.name);
  const { ok, stopped, body } = await upload("/api/datasets", form, {
    signal: mine.signal,
    onProgress: (share) => showProgress(share, file.size),
  });
  if (mine !== running) return; // a newer upload is under way
  if (ok) return location.assign(`/datasets/${body.id}`);
  $("progress").hidden = true;
  if (!stopped) $("add-error").textContent = body.detail;
}

$("table-file").addEventListener("change", ({ target }) => {
  if (target.files.length) add(target.files[0]);
});

$("read-pasted").addEventListener("click", () => {
  const text = $("pasted-table").value;
  if (!text.trim()) {
    $("add-error").textContent = "The text is empty. Paste the rows of a table.";
    return $("pasted-table").focus();
  }
  const name = text.split("\n", 1)[0].includes("\t") ? PASTED : "pasted.csv";
  add(new File([text], name));
});

const zone = $("drop-zone");
for (const type of ["dragenter", "dragover"]) {
  zone.addEventListener(type, (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
}
for (const type of ["dragleave", "drop"]) {
  zone.addEventListener(type, () => zone.classList.remove("over"));
}
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) add(file);
});

$("add-dataset").addEventListener("submit", (event) => event.preventDefault());
$("stop").addEventListener("click", () => running?.abort());
