// The page follows Airflow's light or dark, which the frame around it shows, else what Airflow remembers,
// else the system's. On a phone the tab of this view is brought into sight. Nothing else needs a script.
(function () {
  "use strict";

  function frame() {
    try {
      return window.parent === window ? null : window.parent.document.documentElement;
    } catch {
      return null;
    }
  }

  function remembered() {
    try {
      return window.localStorage.getItem("theme");
    } catch {
      return null;
    }
  }

  function wanted() {
    var outer = frame();
    var theme = remembered();
    if (outer && outer.classList.contains("dark")) return "dark";
    if (outer && outer.classList.contains("light")) return "light";
    if (theme === "dark" || theme === "light") return theme;
    return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  function follow() {
    document.documentElement.dataset.theme = wanted();
  }

  // Airflow 3.1 puts the page into a frame that must not download.
  function tellOfDownloads() {
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
  tellOfDownloads();
  document.addEventListener("DOMContentLoaded", show);
  window.addEventListener("storage", follow);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
  var outer = frame();
  if (outer) {
    new MutationObserver(follow).observe(outer, { attributes: true, attributeFilter: ["class"] });
  }
})();
