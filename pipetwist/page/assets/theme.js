// Applies the chosen colours before anything is drawn. Without a choice they are the system's.
"use strict";
try {
  const chosen = localStorage.getItem("pipetwist.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser without storage uses the system's colours each time.
}
