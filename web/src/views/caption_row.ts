// One segment of the list: its bar number and time, its caption, and what can be done with it.

import type { Segment } from "../api/types.ts";
import { time_label } from "../captions/timecodes.ts";
import { copy_text, element, icon_button } from "./dom.ts";
import { editable_text, type EditableText } from "./editable_text.ts";

export interface RowHandlers {
  play(index: number): void;
  edit(index: number, text: string): void;
  choose(index: number, candidate: number): void;
  restore(index: number): void;
}

export class CaptionRow {
  readonly root: HTMLLIElement;
  private readonly play_: HTMLButtonElement;
  private readonly text_: EditableText;
  private readonly edit_: HTMLButtonElement;
  private readonly restore_: HTMLButtonElement;
  private readonly note_ = element("span", { class: "row-note" });
  private readonly others_ = element("details", { class: "others", hidden: true });
  private segment_: Segment | null = null;

  constructor(
    private readonly index_: number,
    private readonly handlers_: RowHandlers,
  ) {
    this.play_ = element("button", { type: "button", class: "row-play", onclick: () => handlers_.play(index_) });
    this.edit_ = icon_button("pencil", `Edit caption ${index_ + 1}`, () => this.edit());
    this.restore_ = icon_button("undo", `Take back the change of caption ${index_ + 1}`, () => {
      handlers_.restore(index_);
      this.edit_.focus();
    });
    const copy = icon_button("copy", `Copy caption ${index_ + 1}`, () => void copy_text(this.segment_?.text ?? "", copy));
    this.text_ = editable_text(`Caption ${index_ + 1}`, (text) => handlers_.edit(index_, text), () => this.edit_);
    this.text_.root.addEventListener("click", () => this.click_());
    this.text_.root.addEventListener("dblclick", () => this.edit());
    const body = element("div", { class: "row-body" }, this.text_.root, this.note_, this.others_);
    const tools = element("div", { class: "row-tools" }, this.restore_, this.edit_, copy);
    this.root = element("li", { class: "row" }, this.play_, body, tools);
  }

  /// @param playable whether there is a sound to play
  show(segment: Segment, edited: boolean, playable: boolean): void {
    this.segment_ = segment;
    // Read out: "Play segment 1, 0:00 to 0:10".
    const unseen = (text: string) => element("span", { class: "unseen" }, text);
    this.play_.replaceChildren(
      unseen(playable ? "Play segment " : "Go to segment "),
      element("span", { class: "bar-number" }, String(this.index_ + 1)),
      unseen(", "),
      element("span", { class: "bar-time" }, time_label(segment.start_s)),
      unseen(` to ${time_label(segment.end_s)}`),
    );
    const nothing = segment.silent ? "Silence" : "No caption";
    this.text_.set(segment.text, segment.text || nothing);
    this.root.classList.toggle("silent", segment.text === "");
    this.restore_.hidden = !edited;
    this.note_.textContent = edited ? "edited" : "";
    this.show_others_(segment);
  }

  mark(playing: boolean): void {
    this.root.classList.toggle("playing", playing);
    if (playing) this.root.setAttribute("aria-current", "true");
    else this.root.removeAttribute("aria-current");
  }

  edit(): void {
    this.text_.edit();
  }

  get editing(): boolean {
    return this.text_.editing;
  }

  focus(): void {
    this.play_.focus();
  }

  /// A click on the words plays, unless they are being marked or edited.
  private click_(): void {
    if (this.text_.editing || (getSelection()?.toString() ?? "") !== "") return;
    this.handlers_.play(this.index_);
  }

  private show_others_(segment: Segment): void {
    const others = (segment.candidates ?? []).slice(1);
    this.others_.hidden = others.length === 0;
    if (others.length === 0) return;
    const items = others.map((candidate, i) =>
      element(
        "li",
        {},
        element("button", { type: "button", onclick: () => this.handlers_.choose(this.index_, i + 1) }, candidate.text),
      ),
    );
    const title = others.length === 1 ? "1 other wording" : `${others.length} other wordings`;
    this.others_.replaceChildren(element("summary", {}, title), element("ul", {}, ...items));
  }
}
