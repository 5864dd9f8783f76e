"use strict";

// Accessible names for elements that the scripts of Django's admin create without them.

const nameOf = (select) => select.getAttribute("aria-label") || document.querySelector(`label[for="${select.id}"]`)?.textContent.trim();

// Autocomplete fields, which jQuery creates when the document is ready: this is queued after it.
document.addEventListener("DOMContentLoaded", () => window.django?.jQuery?.(() => {
  for (const select of document.querySelectorAll("select.admin-autocomplete")) {
    for (const part of select.nextElementSibling?.querySelectorAll(".select2-selection, .select2-selection__rendered") ?? []) {
      part.setAttribute("aria-label", nameOf(select));
    }
  }
  window.django.jQuery(document).on("select2:open", (event) => {
    document.querySelector(".select2-search__field")?.setAttribute("aria-label", nameOf(event.target));
  });
}));

// The help of lists with two boxes, which are created when the page is loaded.
window.addEventListener("load", () => {
  for (const help of document.querySelectorAll("span.help-tooltip[aria-label]")) {
    help.setAttribute("role", "img");
  }
});

// The date and the time of a field with both.
document.addEventListener("DOMContentLoaded", () => {
  for (const input of document.querySelectorAll("p.datetime input")) {
    const label = input.closest(".form-row, td")?.querySelector("label, legend")?.textContent.trim() ?? "";
    input.setAttribute("aria-label", `${label} ${input.previousSibling?.textContent.trim() ?? ""}`.trim());
  }
});
