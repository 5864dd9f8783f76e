"use strict";

// Adds up what the chosen tickets cost, and chooses all of them. The server does it again.

document.addEventListener("DOMContentLoaded", () => {
  const choices = document.querySelector(".ticket-choices");
  const everything = document.getElementById("id_everything");
  const boxes = [...choices.querySelectorAll("input")];
  const decimals = Number(choices.dataset.decimals);
  const unit = 10 ** decimals;
  const shown = new Intl.NumberFormat(document.documentElement.lang, {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });

  const add = () => {
    for (const box of boxes) {
      box.disabled = everything.checked;
      box.checked ||= everything.checked;
    }
    const chosen = boxes.filter((box) => box.checked);
    const sum = chosen.reduce((total, box) => total + Math.round(Number(box.dataset.price) * unit), 0);
    choices.querySelector("output").textContent =
      `${shown.format(sum / unit)} ${choices.dataset.currency} (${chosen.length} / ${boxes.length})`;
  };

  everything.addEventListener("input", () => {
    for (const box of boxes) {
      box.checked = everything.checked;
    }
    add();
  });
  choices.addEventListener("input", add);
  add();
});
