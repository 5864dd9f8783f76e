"use strict";

// Shows the time zone of the chosen venue or event beside the times of a form.

document.addEventListener("DOMContentLoaded", () => {
  const zones = [...document.querySelectorAll(".zone[data-unknown]")];
  const show = (name) => {
    for (const zone of zones) {
      zone.textContent = name || zone.dataset.unknown;
    }
  };
  for (const select of document.querySelectorAll("select:is([name='venue'], [name='event'])")) {
    let chosen = select.value;
    // A change without autocompletion does not say the zone.
    window.django?.jQuery?.(select)
      .on("change", () => {
        if (select.value !== chosen) {
          chosen = select.value;
          show();
        }
      })
      .on("select2:select", (event) => show(event.params.data.timezone));
  }
});
