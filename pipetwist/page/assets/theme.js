// Puts the colours that were chosen on the page before anything is drawn. Without a choice they are the system's.
"use strict";
try {
  const chosen = localStorage.getItem("pipetwist.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that keeps nothing has the system's colours each time.
}
