"use strict";

// Adds up what a sale at the counter will cost. The server does it again.

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
});
