"use strict";

// The choices that are looked for while one types have no names for screen readers: they get those of their labels.

const nameOf = (select) => select.getAttribute("aria-label") || document.querySelector(`label[for="${select.id}"]`)?.textContent.trim();

// When the document is there jQuery begins to work off what waits for that, which makes the choices; this comes after it.
document.addEventListener("DOMContentLoaded", () => window.django.jQuery(() => {
  for (const select of document.querySelectorAll("select.admin-autocomplete")) {
    for (const part of select.nextElementSibling?.querySelectorAll(".select2-selection, .select2-selection__rendered") ?? []) {
      part.setAttribute("aria-label", nameOf(select));
    }
  }
  window.django.jQuery(document).on("select2:open", (event) => {
    document.querySelector(".select2-search__field")?.setAttribute("aria-label", nameOf(event.target));
  });
}));
