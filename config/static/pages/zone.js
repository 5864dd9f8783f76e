"use strict";

// Beside the times of a form, the zone whose clocks they are: that of the venue or event that is chosen by now.

document.addEventListener("DOMContentLoaded", () => {
  const zones = [...document.querySelectorAll(".zone[data-unknown]")];
  const show = (name) => {
    for (const zone of zones) {
      zone.textContent = name || zone.dataset.unknown;
    }
  };
  // Whatever changes the choice, nothing is claimed; who looked it up was told the zone with it.
  window.django?.jQuery?.("select:is([name='venue'], [name='event'])")
    .on("change", () => show())
    .on("select2:select", (event) => show(event.params.data.timezone));
});
