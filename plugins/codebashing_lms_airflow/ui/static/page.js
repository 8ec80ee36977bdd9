// The page takes light or dark from the frame around it, else from Airflow's stored setting, else from the
// system. On a phone the tab of this view is scrolled into sight. Nothing else needs a script.
(function () {
  "use strict";

  function frame() {
    try {
      return window.parent === window ? null : window.parent.document.documentElement;
    } catch {
      return null;
    }
  }

  function storedTheme() {
    try {
      return window.localStorage.getItem("theme");
    } catch {
      return null;
    }
  }

  function chosenTheme() {
    var outer = frame();
    var theme = storedTheme();
    if (outer && outer.classList.contains("dark")) return "dark";
    if (outer && outer.classList.contains("light")) return "light";
    if (theme === "dark" || theme === "light") return theme;
    return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  function follow() {
    document.documentElement.dataset.theme = chosenTheme();
  }

  // Airflow 3.1 puts the page into a frame that must not download.
  function markDownloads() {
    var around = frame() && window.frameElement;
    if (around && around.sandbox.length && !around.sandbox.contains("allow-downloads")) {
      document.documentElement.dataset.downloads = "none";
    }
  }

  function show() {
    var here = document.querySelector(".tabs [aria-current]");
    if (here) here.scrollIntoView({ block: "nearest", inline: "center" });
  }

  follow();
  markDownloads();
  document.addEventListener("DOMContentLoaded", show);
  window.addEventListener("storage", follow);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
  var outer = frame();
  if (outer) {
    new MutationObserver(follow).observe(outer, { attributes: true, attributeFilter: ["class"] });
  }
})();
