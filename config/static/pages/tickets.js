"use strict";

// Shows the price of the chosen tickets, and selects all of them. The server checks it again.

document.addEventListener("DOMContentLoaded", () => {
  const choices = document.querySelector(".ticket-choices");
  const everything = document.getElementById("id_everything");
  const boxes = [...choices.querySelectorAll("input")];
  const decimals = Number(choices.dataset.decimals);
  const unit = 10 ** decimals;
  const format = new Intl.NumberFormat(document.documentElement.lang, {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });

  const showSum = () => {
    for (const box of boxes) {
      box.disabled = everything.checked;
      box.checked ||= everything.checked;
    }
    const chosen = boxes.filter((box) => box.checked);
    const sum = chosen.reduce((total, box) => total + Math.round(Number(box.dataset.price) * unit), 0);
    choices.querySelector("output").textContent =
      `${format.format(sum / unit)} ${choices.dataset.currency} (${chosen.length} / ${boxes.length})`;
  };

  everything.addEventListener("input", () => {
    for (const box of boxes) {
      box.checked = everything.checked;
    }
    showSum();
  });
  choices.addEventListener("input", showSum);
  showSum();
});
