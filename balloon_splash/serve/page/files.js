/** Every way in which a file comes to the page: chosen, photographed, dropped, pasted. */

/** @param onFiles gets an array with at least one file. */
export function takeFiles(onFiles) {
  const drop = document.getElementById("drop");
  for (const [button, input] of [["choose", "file"], ["another", "file"], ["photograph", "camera"]]) {
    document.getElementById(button).addEventListener("click", () => document.getElementById(input).click());
  }
  for (const id of ["file", "camera"]) takeChosen(id, onFiles);

  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) drop.hidden = false;
  });
  window.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  window.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) drop.hidden = true;
  });
  window.addEventListener("drop", (event) => {
    drop.hidden = true;
    if (!carriesFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files.length) onFiles([...event.dataTransfer.files]);
  });
  window.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) onFiles(files);
  });
}

/** The same file chosen again counts again. */
export function takeChosen(id, onFiles) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) onFiles(files);
  });
}
