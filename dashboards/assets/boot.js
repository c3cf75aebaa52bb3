/* Draws the charts of a page, keeps its theme, and opens its tables for print.
   Charts come as JSON in #specs; colours are CSS variables, resolved here for the theme in use. */
"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const KEY = "parcours-theme";
  const PRINT_WIDTH = 660;

  const remembered = () => {
    try { return localStorage.getItem(KEY); } catch { return null; } // storage may be forbidden: then the system decides
  };
  const remember = (theme) => {
    try { localStorage.setItem(KEY, theme); } catch { /* the choice then holds for this page only */ }
  };
  const chosen = remembered();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  const current = () => root.dataset.theme || (dark.matches ? "dark" : "light");

  /* "var(--name)" anywhere in a specification becomes the colour it stands for. */
  const resolved = (value, styles) => {
    if (typeof value === "string" && value.startsWith("var(--")) {
      return styles.getPropertyValue(value.slice(4, -1)).trim();
    }
    if (Array.isArray(value)) return value.map((item) => resolved(item, styles));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, styles)]));
    }
    return value;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const { charts, config, words } = JSON.parse(document.getElementById("specs").textContent);
    const button = document.getElementById("theme");

    const draw = (width) => {
      const styles = getComputedStyle(root);
      for (const chart of charts) {
        const place = document.getElementById(chart.id);
        const layout = resolved(chart.layout, styles);
        if (width) Object.assign(layout, { autosize: false, width: Math.min(width, PRINT_WIDTH) });
        Plotly.react(place, resolved(chart.data, styles), layout, config);
        place.dataset.drawn = current();
      }
    };
    const redraw = () => { if (charts.length && window.Plotly) draw(); };
    const label = () => { button.textContent = current() === "dark" ? words.light : words.dark; };

    button.hidden = false;
    label();
    button.addEventListener("click", () => {
      root.dataset.theme = current() === "dark" ? "light" : "dark";
      remember(root.dataset.theme);
      label();
      redraw();
    });
    dark.addEventListener("change", () => { label(); redraw(); });

    if (charts.length && window.Plotly) {
      draw();
    } else {
      for (const chart of charts) document.getElementById(chart.id).textContent = words.failed;
    }

    for (const image of document.querySelectorAll("[data-image]")) {
      image.hidden = !window.Plotly;
      image.addEventListener("click", () => {
        const place = document.getElementById(image.dataset.image);
        Plotly.downloadImage(place, { format: "png", scale: 2, filename: `${document.title} - ${image.dataset.image}` });
      });
    }

    /* Paper is white and narrow, and shows every table. */
    let before = null;
    addEventListener("beforeprint", () => {
      if (before) return;
      const closed = [...document.querySelectorAll("details:not([open])")];
      before = { theme: root.dataset.theme, closed };
      root.dataset.theme = "light";
      for (const detail of closed) detail.open = true;
      if (charts.length && window.Plotly) draw(PRINT_WIDTH);
    });
    addEventListener("afterprint", () => {
      if (!before) return;
      for (const detail of before.closed) detail.open = false;
      if (before.theme) root.dataset.theme = before.theme; else delete root.dataset.theme;
      before = null;
      redraw();
    });
  });
})();
