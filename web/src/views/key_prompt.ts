// Asks for the server's key, once for all requests that wait for it.

import { by_id } from "./dom.ts";

let asking: Promise<string | null> | null = null;

/// @param refused whether a key was there and the server did not take it
export function ask_for_key(refused: boolean): Promise<string | null> {
  asking ??= ask(refused).finally(() => (asking = null));
  return asking;
}

function ask(refused: boolean): Promise<string | null> {
  const dialog = by_id<HTMLDialogElement>("key-dialog");
  const input = by_id<HTMLInputElement>("key-input");
  by_id("key-refused").hidden = !refused;
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const key = input.value.trim();
        input.value = "";
        resolve(dialog.returnValue === "use" && key !== "" ? key : null);
      },
      { once: true },
    );
  });
}

/// CSP forbids form actions, so the form is answered here.
export function set_up_key_prompt(): void {
  const dialog = by_id<HTMLDialogElement>("key-dialog");
  by_id("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close("use");
  });
  by_id("key-cancel").addEventListener("click", () => dialog.close(""));
}
