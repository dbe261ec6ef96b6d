// Text that is edited where it stands: Enter keeps, Escape takes back.

import { element } from "./dom.ts";

export interface EditableText {
  root: HTMLElement;
  set(text: string, shown?: string): void;
  edit(): void;
  readonly editing: boolean;
}

/// @param label what the field is called for screen readers
/// @param on_done called with the new text when it was changed; the focus goes to `focus_after()`
export function editable_text(
  label: string,
  on_done: (text: string) => void,
  focus_after: () => HTMLElement | null,
): EditableText {
  const words = element("span", { class: "words" });
  const root = element("p", { class: "editable" }, words);
  let text = "";
  let field: HTMLTextAreaElement | null = null;

  function close(keep: boolean, refocus: boolean): void {
    if (!field) return;
    const value = field.value;
    const closing = field;
    field = null; // before it goes: its going blurs it
    closing.replaceWith(words);
    root.classList.remove("editing");
    if (refocus) focus_after()?.focus();
    if (keep && value.trim() !== text) on_done(value);
  }

  function fit(): void {
    if (!field) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  }

  function key(event: Event): void {
    const { key: name, isComposing } = event as KeyboardEvent;
    event.stopPropagation();
    if (isComposing) return;
    if (name === "Enter") {
      event.preventDefault();
      close(true, true);
    } else if (name === "Escape") {
      event.preventDefault();
      close(false, true);
    }
  }

  return {
    root,
    set(new_text, shown = new_text) {
      text = new_text;
      words.textContent = shown;
    },
    edit() {
      if (field) return;
      field = element("textarea", {
        "aria-label": `${label}. Enter keeps the change, Escape takes it back.`,
        rows: 1,
        onkeydown: key,
        oninput: fit,
        onblur: () => close(true, false),
      });
      field.value = text;
      words.replaceWith(field);
      root.classList.add("editing");
      fit();
      field.focus();
      field.select();
    },
    get editing() {
      return field !== null;
    },
  };
}
