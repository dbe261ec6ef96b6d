// Before the first paint: the theme that was chosen here earlier, else the system's.
try {
  const theme = localStorage.getItem("lpmc.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: the system's theme it is.
}
