"use strict";

// Scans tickets without loading the page again: with a keyboard scanner, which types into the field and presses Enter,
// with the camera where the browser can read codes, or with the buttons of the list. The server decides.

document.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector(".door");
  const form = document.getElementById("scan_form");
  const list = document.getElementById("list_form");
  const field = document.getElementById("code");
  const result = document.getElementById("result");
  const token = form.elements.csrfmiddlewaretoken.value;
  const event = new URLSearchParams(location.search).get("event");
  const url = `${location.pathname}?event=${encodeURIComponent(event)}&format=json`;
  let sound = null;

  // Two tones up, or three low ones: the difference is heard where the colour is not seen.
  const play = (isGood, isWarning) => {
    const Audio = window.AudioContext ?? window.webkitAudioContext;
    if (!Audio) {
      return;
    }
    sound ??= new Audio();
    sound.resume();
    (isGood && !isWarning ? [660, 990] : isGood ? [660, 550] : [220, 220, 220]).forEach((pitch, number) => {
      const tone = sound.createOscillator();
      const start = sound.currentTime + number * 0.16;
      tone.frequency.value = pitch;
      tone.connect(sound.destination);
      tone.start(start);
      tone.stop(start + 0.12);
    });
  };

  const show = (title, lines, kind, isGood, isWarning = false) => {
    result.className = `scan-result ${kind}${isWarning ? " warned" : ""}`;
    const heading = document.createElement("p");
    heading.className = "title";
    heading.textContent = title;
    const paragraphs = lines.map((line) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = line;
      return paragraph;
    });
    result.replaceChildren(heading, ...paragraphs);
    result.scrollIntoView({ block: "nearest" });
    play(isGood, isWarning);
  };

  const showCounts = (answer) => {
    document.getElementById("inside").textContent = answer.inside;
    document.getElementById("expected").textContent = answer.expected;
  };

  const replaceRow = (row) => {
    if (!row) {
      return;
    }
    const body = document.createElement("tbody");
    body.innerHTML = row; // rendered by the server's template, which escapes
    const fresh = body.querySelector("tr");
    const old = [...list.querySelectorAll("tr[data-code]")].find((it) => it.dataset.code === fresh.dataset.code);
    old?.replaceWith(fresh);
  };

  const send = async (code, verb) => {
    const body = new URLSearchParams({ csrfmiddlewaretoken: token, code, verb });
    let answer;
    try {
      const response = await fetch(url, { method: "POST", body, redirect: "error" });
      answer = await response.json();
    } catch {
      show(page.dataset.offline, [], "unknown", false); // offline, or logged out
      return;
    }
    show(answer.title, answer.lines, answer.result, answer.is_good, answer.warning !== "");
    showCounts(answer);
    replaceRow(answer.row);
  };

  // One after the other, so that the last result that is shown is that of the last scan.
  let queue = Promise.resolve();
  const scan = (code, verb) => {
    queue = queue.then(() => send(code, verb));
    field.focus({ preventScroll: true });
  };

  form.addEventListener("submit", (submission) => {
    submission.preventDefault();
    const code = field.value;
    field.value = "";
    if (code.trim() !== "") {
      scan(code, form.elements.verb.value);
    }
  });

  list.addEventListener("submit", (submission) => {
    submission.preventDefault();
    scan(submission.submitter.value, submission.submitter.name);
  });

  // A scanner types wherever the focus is: characters that no text field takes go to the field of the code. A space
  // presses buttons, and no code begins with one.
  document.addEventListener("keydown", (key) => {
    const isTyping = key.target.closest?.("input:is([type='text'], [type='search']), select, textarea");
    if (!isTyping && key.key.length === 1 && key.key !== " " && !key.ctrlKey && !key.metaKey && !key.altKey) {
      field.focus();
    }
  });

  const refresh = async () => {
    if (!document.hidden) {
      try {
        showCounts(await (await fetch(url, { redirect: "error" })).json());
      } catch {
        // The next scan says that there is no connection.
      }
    }
  };
  setInterval(refresh, 15_000);

  // The camera

  const button = document.getElementById("camera");
  const view = document.getElementById("viewfinder");
  const SECONDS_FOR_THE_SAME = 3;
  let last = { code: "", at: 0 };

  const look = async (detector) => {
    if (view.hidden) {
      return;
    }
    try {
      for (const found of await detector.detect(view)) {
        const now = performance.now();
        const isSame = found.rawValue === last.code && now - last.at < SECONDS_FOR_THE_SAME * 1000;
        last = { code: found.rawValue, at: now };
        if (!isSame) {
          scan(found.rawValue, form.elements.verb.value);
        }
      }
    } catch {
      // The video has no picture yet.
    }
    setTimeout(look, 150, detector);
  };

  const stop = () => {
    for (const track of view.srcObject?.getTracks() ?? []) {
      track.stop();
    }
    view.srcObject = null;
    view.hidden = true;
    button.setAttribute("aria-pressed", "false");
  };

  const start = async () => {
    try {
      view.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      view.hidden = false;
      await view.play();
    } catch (error) {
      stop();
      show(error.message, [], "unknown", false);
      return;
    }
    button.setAttribute("aria-pressed", "true");
    look(new BarcodeDetector({ formats: ["qr_code"] }));
  };

  if ("BarcodeDetector" in window && navigator.mediaDevices) {
    button.hidden = false;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => (view.hidden ? start() : stop()));
  }
});
