"use strict";

// Adds up what a sale at the counter will cost, and keeps what is left up to date. The server does both again.

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("sale_form");
  const total = document.getElementById("total");
  const unit = 10 ** Number(form.dataset.decimals);
  const shown = new Intl.NumberFormat(document.documentElement.lang, {
    minimumFractionDigits: Number(form.dataset.decimals),
    maximumFractionDigits: Number(form.dataset.decimals),
  });

  const add = () => {
    let sum = 0;
    for (const row of form.querySelectorAll("[data-price]")) {
      const count = Number(row.querySelector("input").value);
      sum += Math.round(Number(row.dataset.price) * unit) * (Number.isInteger(count) && count > 0 ? count : 0);
    }
    total.textContent = `${shown.format(sum / unit)} ${form.dataset.currency}`;
  };

  form.addEventListener("input", add);
  add();

  // What is typed stays; what has changed is only told aloud of what was chosen.
  const refresh = async () => {
    if (document.hidden) {
      return;
    }
    let fresh;
    try {
      fresh = await (await fetch(`${location.search}&left=yes`)).json();
    } catch {
      return; // logged out, or not connected: the time beside the figures says how old they are
    }
    const told = [];
    for (const cell of form.querySelectorAll("[data-left]")) {
      const [shown, most, words] = fresh.left[cell.dataset.left] ?? [cell.textContent];
      const field = form.elements[`quantity_${cell.dataset.left}`];
      if (cell.textContent !== shown && field) {
        field.max = most;
        told.push(...(Number(field.value) > 0 ? [words] : []));
      }
      cell.textContent = shown;
    }
    document.getElementById("taken").innerHTML = fresh.taken;
    document.getElementById("now").textContent = fresh.now;
    if (told.length > 0) {
      document.getElementById("news").textContent = told.join(", ");
    }
  };

  setInterval(refresh, 15_000);
  document.addEventListener("visibilitychange", refresh);
});
