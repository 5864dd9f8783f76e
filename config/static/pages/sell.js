"use strict";

// Shows the total of a sale at the counter, and what of it stays due, and keeps the available places up to date. The server checks both again.

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("sale_form");
  const total = document.getElementById("total");
  const due = document.getElementById("due");
  const decimals = Number(form.dataset.decimals);
  const unit = 10 ** decimals;
  const format = new Intl.NumberFormat(document.documentElement.lang, {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });

  const showTotal = () => {
    let sum = 0;
    for (const row of form.querySelectorAll("[data-price]")) {
      const count = Number(row.querySelector("input").value);
      sum += Math.round(Number(row.dataset.price) * unit) * (Number.isInteger(count) && count > 0 ? count : 0);
    }
    total.textContent = `${format.format(sum / unit)} ${form.dataset.currency}`;
    due.textContent = total.textContent;
    document.getElementById("on_invoice").hidden = form.elements.payment.value !== "invoice" || sum === 0;
  };

  form.addEventListener("input", showTotal);
  showTotal();

  // Entered values stay. Screen readers hear of changes only for ticket types with a quantity.
  const refresh = async () => {
    if (document.hidden) {
      return;
    }
    let current;
    try {
      current = await (await fetch(`${location.search}&available=yes`)).json();
    } catch {
      return; // logged out or offline: the time beside the figures says how old they are
    }
    const changes = [];
    for (const cell of form.querySelectorAll("[data-available]")) {
      const [shown, maximum, text] = current.available[cell.dataset.available] ?? [cell.textContent];
      const field = form.elements[`quantity_${cell.dataset.available}`];
      if (cell.textContent !== shown && field) {
        field.max = maximum;
        changes.push(...(Number(field.value) > 0 ? [text] : []));
      }
      cell.textContent = shown;
    }
    document.getElementById("bar").innerHTML = current.bar;
    document.getElementById("now").textContent = current.now;
    if (changes.length > 0) {
      document.getElementById("changes").textContent = changes.join(", ");
    }
  };

  setInterval(refresh, 15_000);
  document.addEventListener("visibilitychange", refresh);
});
