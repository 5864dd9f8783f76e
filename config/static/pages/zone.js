"use strict";

// Beside the times of a form, the zone whose clocks they are: that of the venue or event that is chosen by now.

document.addEventListener("DOMContentLoaded", () => {
  const zones = [...document.querySelectorAll(".zone[data-unknown]")];
  const show = (name) => {
    for (const zone of zones) {
      zone.textContent = name || zone.dataset.unknown;
    }
  };
  for (const select of document.querySelectorAll("select:is([name='venue'], [name='event'])")) {
    let chosen = select.value;
    // Whatever changes the choice, nothing is claimed; who looked it up is then told the zone with it.
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
