'use strict';

// The table of contents tells in which section the reader is, and paper shows what is folded away.
(() => {
  const links = new Map(
    [...document.querySelectorAll('nav.contents a')].map((link) => [link.hash.slice(1), link]));

  /** The last section that begins above the middle of the window. */
  function mark() {
    let current;
    for (const id of links.keys()) {
      const section = document.getElementById(id);
      if (section.getBoundingClientRect().top < innerHeight / 2) current = id;
    }
    for (const [id, link] of links) {
      if (id === current) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  }

  let isWaiting = false;
  addEventListener('scroll', () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      mark();
    });
  }, {passive: true});
  mark();

  addEventListener('beforeprint', () => {
    for (const details of document.querySelectorAll('details')) details.open = true;
  });
})();
