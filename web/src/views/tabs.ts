// The two tabs, as the ARIA pattern has them: arrows move, the panel follows.

import { by_id } from "./dom.ts";

export function set_up_tabs(): void {
  const tabs = [by_id("tab-music"), by_id("tab-tags")];
  const select = (chosen: HTMLElement, focus: boolean) => {
    for (const tab of tabs) {
      const on = tab === chosen;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      by_id(tab.getAttribute("aria-controls") ?? "").hidden = !on;
    }
    if (focus) chosen.focus();
    history.replaceState(null, "", chosen.id === "tab-tags" ? "#tags" : location.pathname + location.search);
  };
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => select(tab, false));
    tab.addEventListener("keydown", (event) => {
      const steps: Record<string, number> = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 };
      const to = steps[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = tabs[(to + tabs.length) % tabs.length];
      if (next) select(next, true);
    });
  });
  const first = tabs[location.hash === "#tags" ? 1 : 0];
  if (first) select(first, false);
}
