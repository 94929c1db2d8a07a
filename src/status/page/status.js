// Keeps the page true: the server sends the sections that changed, and only what differs in them is touched, so that
// focus, selection and opened details stay. Without this script the page reloads itself.
"use strict";
(() => {
  const SILENCE_MS = 12000;
  const RETRY_MS = 10000;
  const state = document.getElementById("live-state");
  const at = document.getElementById("live-at");
  const live = document.getElementById("live");
  let heard = Date.now();

  const clock = (instant) => instant.slice(11, 19);

  /** Only where it is another one: a live region would say it again. */
  function say(text, isLive) {
    if (state.textContent !== text) state.textContent = text;
    live.classList.toggle("on", isLive);
    live.classList.toggle("off", !isLive);
  }

  function sameAttributes(old, fresh) {
    for (const { name } of [...old.attributes]) {
      // Whether details are open is the reader's choice.
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  /** Makes `old` say what `fresh` says, keeping every node that can be kept. */
  function morph(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    sameAttributes(old, fresh);
    const [was, is] = [[...old.childNodes], [...fresh.childNodes]];
    is.forEach((node, index) => {
      if (index < was.length) morph(was[index], node);
      else old.append(document.importNode(node, true));
    });
    was.slice(is.length).forEach((node) => node.remove());
  }

  function show(change) {
    heard = Date.now();
    for (const [id, html] of Object.entries(change.sections)) {
      const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
      const old = document.getElementById(id);
      if (old && fresh) morph(old, fresh);
    }
    document.title = change.title;
    at.dateTime = change.at;
    at.textContent = clock(change.at);
    say("Live, updated", true);
  }

  function listen() {
    const stream = new EventSource("api/status/events" + location.search);
    stream.addEventListener("page", (event) => show(JSON.parse(event.data)));
    stream.addEventListener("error", () => {
      // The browser connects again by itself, but not after a refusal.
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, RETRY_MS);
    });
  }

  setInterval(() => {
    if (Date.now() - heard > SILENCE_MS) say("Not live since", false);
  }, 1000);
  listen();
})();
