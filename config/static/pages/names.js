"use strict";

// Some things that Django's admin makes by script have no names for screen readers, or names that these do not read.

const nameOf = (select) => select.getAttribute("aria-label") || document.querySelector(`label[for="${select.id}"]`)?.textContent.trim();

// Choices that are looked for while one types. When the document is there jQuery begins to work off what waits for that,
// which makes them; this comes after it.
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

// The help of the two lists between which one moves choices, which are made when the page is loaded.
window.addEventListener("load", () => {
  for (const help of document.querySelectorAll("span.help-tooltip[aria-label]")) {
    help.setAttribute("role", "img");
  }
});

// The two halves of a date with a time, before each of which stands only a word.
document.addEventListener("DOMContentLoaded", () => {
  for (const input of document.querySelectorAll("p.datetime input")) {
    const label = input.closest(".form-row, td")?.querySelector("label, legend")?.textContent.trim() ?? "";
    input.setAttribute("aria-label", `${label} ${input.previousSibling?.textContent.trim() ?? ""}`.trim());
  }
});
