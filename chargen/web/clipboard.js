// Copying to the clipboard, also in a page from the disk.
"use strict";

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Some browsers allow the clipboard only to pages from a server, but copy a selected text.
    const focused = document.activeElement;
    const field = html("textarea", { class: "spoken" });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    focused.focus();
  }
}
