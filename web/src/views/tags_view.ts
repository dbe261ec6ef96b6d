// The second tab: tags in, captions out, the four tasks side by side.

import type { Client } from "../api/client.ts";
import { plain_words } from "../api/errors.ts";
import type { TagCaption } from "../api/types.ts";
import { add_tags, split_tags } from "../captions/tags.ts";
import { announce, by_id, copy_text, element, icon_button } from "./dom.ts";

export const kTasks = [
  { prompt: "writing", title: "Writing", hint: "a description with all the tags" },
  { prompt: "summary", title: "Summary", hint: "one sentence, to the point" },
  { prompt: "paraphrase", title: "Paraphrase", hint: "freely worded" },
  { prompt: "attribute_prediction", title: "Attribute prediction", hint: "with tags that often go along" },
] as const;

const kExamples = [
  "beatbox, finger snipping, male voice, amateur recording, medium tempo",
  "solo piano, slow tempo, melancholic, live recording",
  "techno, four on the floor, synth arpeggio, energetic",
];

export class TagsView {
  private tags_: string[] = [];
  private readonly input_ = by_id<HTMLInputElement>("tag-input");
  private readonly chips_ = by_id("tag-chips");
  private readonly write_ = by_id<HTMLButtonElement>("write-captions");
  private readonly results_ = by_id("tag-results");
  private readonly note_ = by_id("tags-note");
  private running_: AbortController | null = null;

  constructor(private readonly client_: Client) {
    this.input_.addEventListener("keydown", (event) => this.key_(event));
    this.input_.addEventListener("blur", () => this.take_input_());
    this.input_.addEventListener("paste", (event) => {
      const text = event.clipboardData?.getData("text") ?? "";
      if (!/[,;\n]/.test(text)) return;
      event.preventDefault();
      this.add_(split_tags(text));
    });
    this.input_.addEventListener("input", () => {
      if (!/[,;]/.test(this.input_.value)) return;
      this.take_input_();
    });
    by_id("tag-box").addEventListener("click", (event) => {
      if (event.target === event.currentTarget || event.target === this.chips_) this.input_.focus();
    });
    by_id("tag-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.take_input_();
      void this.ask_();
    });
    by_id("clear-tags").addEventListener("click", () => {
      this.tags_ = [];
      this.show_chips_();
      this.input_.focus();
    });
    for (const example of kExamples) {
      const use = () => {
        this.tags_ = split_tags(example);
        this.show_chips_();
        this.write_.focus();
      };
      by_id("tag-examples").append(element("li", {}, element("button", { type: "button", class: "example", onclick: use }, example)));
    }
    this.show_chips_();
  }

  /// @param name of the server's language model; null where it has none
  set_language_model(name: string | null): void {
    this.note_.textContent =
      name === null
        ? "No language model is set up on this server. Start lpmc serve with --llm to write captions from tags."
        : `Written by ${name}.`;
    this.note_.classList.toggle("missing", name === null);
  }

  private key_(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Enter" && this.input_.value.trim() !== "") {
      event.preventDefault();
      this.take_input_();
    } else if (event.key === "Backspace" && this.input_.value === "" && this.tags_.length > 0) {
      const removed = this.tags_.pop();
      this.show_chips_();
      announce(`Removed ${removed}`);
    }
  }

  private take_input_(): void {
    const tags = split_tags(this.input_.value);
    this.input_.value = "";
    if (tags.length > 0) this.add_(tags);
  }

  private add_(tags: string[]): void {
    this.tags_ = add_tags(this.tags_, tags);
    this.show_chips_();
  }

  private show_chips_(): void {
    const chips = this.tags_.map((tag, i) => {
      const remove = icon_button("close", `Remove ${tag}`, () => {
        this.tags_.splice(i, 1);
        this.show_chips_();
        this.input_.focus();
      });
      return element("li", { class: "chip" }, tag, remove);
    });
    this.chips_.replaceChildren(...chips);
    this.write_.disabled = false;
    by_id("clear-tags").hidden = this.tags_.length === 0;
    this.input_.placeholder = this.tags_.length === 0 ? "Type a tag, then Enter or a comma" : "";
  }

  private async ask_(): Promise<void> {
    if (this.tags_.length === 0) {
      this.show_problem_("There are no tags yet.", "Type some, or take one of the examples.");
      this.input_.focus();
      return;
    }
    this.running_?.abort();
    const stop = new AbortController();
    this.running_ = stop;
    this.results_.setAttribute("aria-busy", "true");
    this.results_.replaceChildren(...kTasks.map((task) => card(task.title, task.hint, element("p", { class: "card-waiting" }, "Writing"))));
    try {
      const answer = await this.client_.tag_captions(this.tags_, "all", stop.signal);
      this.results_.replaceChildren(...answer.results.map(result_card));
      announce(`${answer.results.length} captions. ${answer.results[0]?.caption ?? ""}`);
    } catch (error) {
      if (stop.signal.aborted) return;
      const words = plain_words(error);
      this.show_problem_(words.title, words.detail);
    } finally {
      if (this.running_ === stop) this.results_.removeAttribute("aria-busy");
    }
  }

  private show_problem_(title: string, detail: string): void {
    const problem = element("div", { class: "problem" }, element("p", { class: "problem-title" }, title), element("p", {}, detail));
    this.results_.replaceChildren(problem);
    announce(`${title} ${detail}`);
  }
}

function card(title: string, hint: string, ...content: Node[]): HTMLElement {
  const head = element("div", { class: "card-head" }, element("h3", {}, title), element("p", { class: "card-hint" }, hint));
  return element("section", { class: "card" }, head, ...content);
}

function result_card(result: TagCaption): HTMLElement {
  const task = kTasks.find(({ prompt }) => prompt === result.prompt);
  const title = task?.title ?? result.prompt;
  const copy = icon_button("copy", `Copy the caption of ${title}`, () => void copy_text(result.caption, copy));
  const verdict = element("span", { class: result.valid ? "verdict good" : "verdict" }, result.valid ? "Keeps to the tags" : "Check this one");
  const attributes = (result.attributes ?? []).map((attribute) => element("li", { class: "chip new" }, attribute));
  const made = card(
    title,
    task?.hint ?? "",
    element("p", { class: "card-caption" }, result.caption || "No caption came of this."),
  );
  if (attributes.length > 0) made.append(element("ul", { class: "chips", "aria-label": "New attributes" }, ...attributes));
  if (result.notes.length > 0) made.append(element("ul", { class: "notes" }, ...result.notes.map((note) => element("li", {}, note))));
  made.append(
    element("details", { class: "query" }, element("summary", {}, "What was asked"), element("pre", {}, result.query)),
    element("div", { class: "card-foot" }, verdict, copy),
  );
  return made;
}
