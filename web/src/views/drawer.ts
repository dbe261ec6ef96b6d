// The drawer at the side: which model, and how it searches for words.

import type { ServerInfo } from "../api/types.ts";
import {
  chosen_model,
  default_number,
  default_settings,
  kNumberSettings,
  load_settings,
  type NumberSetting,
  save_settings,
  type Settings,
} from "../captions/settings.ts";
import { by_id, element } from "./dom.ts";

export class Drawer {
  settings: Settings = load_settings();

  private readonly dialog_ = by_id<HTMLDialogElement>("drawer");
  private readonly model_ = by_id<HTMLSelectElement>("setting-model");
  private readonly sample_ = by_id<HTMLInputElement>("setting-sample");
  private readonly drop_tail_ = by_id<HTMLInputElement>("setting-drop-tail");
  private readonly inputs_ = new Map<NumberSetting, HTMLInputElement>();
  private server_: ServerInfo | null = null;

  constructor() {
    by_id("open-drawer").addEventListener("click", () => this.dialog_.showModal());
    by_id("close-drawer").addEventListener("click", () => this.dialog_.close());
    this.dialog_.addEventListener("click", (event) => {
      if (event.target === this.dialog_) this.dialog_.close(); // the backdrop
    });
    by_id("reset-settings").addEventListener("click", () => {
      this.settings = default_settings();
      this.changed_();
    });
    for (const setting of kNumberSettings) by_id(`settings-${setting.group}`).append(this.number_(setting));
    this.model_.addEventListener("change", () => {
      this.settings.model = this.model_.value === this.server_?.default ? null : this.model_.value;
      this.changed_();
    });
    this.sample_.addEventListener("change", () => {
      this.settings.sample = this.sample_.checked;
      this.changed_();
    });
    this.drop_tail_.addEventListener("change", () => {
      this.settings.drop_tail = this.drop_tail_.checked;
      this.changed_();
    });
    this.show_();
  }

  set_server(server: ServerInfo): void {
    this.server_ = server;
    // A model that is there no more is not asked for.
    if (!server.models.some((model) => model.id === this.settings.model)) this.settings.model = null;
    this.model_.replaceChildren(...server.models.map((model) => element("option", { value: model.id }, model.id)));
    this.show_();
  }

  private number_(setting: NumberSetting): HTMLElement {
    const id = `setting-${setting.name}`;
    const { min, max, step } = setting;
    const input = element("input", {
      type: "number", id, min, max, step, inputmode: "decimal", "aria-describedby": `${id}-help`,
      onchange: () => this.take_number_(setting, input),
    });
    this.inputs_.set(setting, input);
    return element(
      "div",
      { class: "setting" },
      element("label", { for: id }, setting.label),
      input,
      element("p", { class: "setting-help", id: `${id}-help` }, setting.help),
    );
  }

  private take_number_(setting: NumberSetting, input: HTMLInputElement): void {
    const model = chosen_model(this.settings, this.server_);
    const value = input.valueAsNumber;
    const bounded = Math.max(setting.min, Math.min(setting.max, value));
    if (Number.isNaN(value) || bounded === default_number(setting, model)) delete this.settings.numbers[setting.name];
    else this.settings.numbers[setting.name] = Number.isInteger(setting.step) ? Math.round(bounded) : bounded;
    this.changed_();
  }

  private changed_(): void {
    save_settings(this.settings);
    this.show_();
  }

  private show_(): void {
    const model = chosen_model(this.settings, this.server_);
    this.model_.value = model?.id ?? "";
    const facts = [
      model?.dtype ? `arithmetic ${model.dtype}` : "",
      model?.segment_duration_s ? `segments of ${model.segment_duration_s} s` : "",
      model?.license ? `licence ${model.license}` : "",
    ];
    by_id("model-facts").textContent = facts.filter((fact) => fact !== "").join(", ");
    this.sample_.checked = this.settings.sample;
    this.drop_tail_.checked = this.settings.drop_tail;
    let changed = Number(this.settings.sample) + Number(this.settings.drop_tail) + Number(this.settings.model !== null);
    for (const [setting, input] of this.inputs_) {
      const value = this.settings.numbers[setting.name];
      input.value = String(value ?? default_number(setting, model));
      input.disabled = setting.group === "sampling" && !this.settings.sample;
      input.classList.toggle("changed", value !== undefined);
      if (value !== undefined && !input.disabled) ++changed;
    }
    const count = by_id("settings-changed");
    count.textContent = changed > 0 ? String(changed) : "";
    count.hidden = changed === 0;
    by_id("open-drawer").setAttribute("aria-label", changed > 0 ? `Settings, ${changed} changed` : "Settings");
  }
}
