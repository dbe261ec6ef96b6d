// Dark and light: the system's choice until the user makes one.

import { by_id } from "./dom.ts";

const kName = "lpmc.theme"; // also read by public/theme.js before the first paint

/// @param on_change called after the colours have changed, by whichever way
export function set_up_theme(on_change: () => void): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = by_id("toggle-theme");
  const root = document.documentElement;
  const is_dark = () => (root.dataset["theme"] ?? (dark.matches ? "dark" : "light")) === "dark";
  const show = () => {
    const other = is_dark() ? "light" : "dark";
    button.setAttribute("aria-label", `Switch to ${other} colours`);
    button.title = `Switch to ${other} colours`;
    on_change();
  };
  button.addEventListener("click", () => {
    const theme = is_dark() ? "light" : "dark";
    root.dataset["theme"] = theme;
    try {
      localStorage.setItem(kName, theme);
    } catch {
      // Storage is switched off: the theme lasts as long as the page.
    }
    show();
  });
  dark.addEventListener("change", show);
  show();
}
