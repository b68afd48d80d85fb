// Light or dark, before anything is drawn: what was chosen here, else what the system prefers.
"use strict";
{
  const NAME = "cascade-monitor.scheme";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // A browser may forbid to remember anything.
  const remembered = () => {
    try {
      return localStorage.getItem(NAME);
    } catch {
      return null;
    }
  };
  const remember = (scheme) => {
    try {
      localStorage.setItem(NAME, scheme);
    } catch {
      // Then it holds for this page alone.
    }
  };

  const chosen = remembered();
  if (chosen === "light" || chosen === "dark") root.dataset.scheme = chosen;

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-toggle]");
    const isDark = () =>
      root.dataset.scheme === "auto" ? dark.matches : root.dataset.scheme === "dark";
    const label = () => {
      button.setAttribute("aria-label", isDark() ? "Switch to light" : "Switch to dark");
      button.title = button.getAttribute("aria-label");
    };
    button.hidden = false;
    label();
    dark.addEventListener("change", label);
    button.addEventListener("click", () => {
      root.dataset.scheme = isDark() ? "light" : "dark";
      remember(root.dataset.scheme);
      label();
    });
  });
}
