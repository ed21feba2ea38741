// Runs before the first paint, see src/lib/theme.ts, which has the same names.
(function () {
  var theme = null;
  try {
    theme = localStorage.getItem("sms.theme");
  } catch (_) {
    // Storage is off: the system decides.
  }
  if (theme !== "light" && theme !== "dark") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.dataset.theme = theme;
})();
