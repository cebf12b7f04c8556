'use strict';

// The table of contents tells in which section the reader is and what can be touched there, and
// paper shows what is folded away.
(() => {
  const links = new Map(
    [...document.querySelectorAll('nav.contents ol a')].map((link) => [link.hash.slice(1), link]));

  const bar = document.querySelector('nav.contents ol');
  const parts = document.createElement('p');
  parts.className = 'parts';
  bar.parentElement.after(parts);
  let marked;

  /** Brings a section's entry into view and names its exhibits. */
  function turnTo(current) {
    marked = current;
    for (const [id, link] of links) {
      if (id === current) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
    const link = links.get(current);
    if (bar.scrollWidth > bar.clientWidth) {
      bar.scrollLeft = link ? link.offsetLeft - (bar.clientWidth - link.offsetWidth) / 2 : 0;
    }
    const section = document.getElementById(current ?? '');
    const exhibits = section?.querySelectorAll('[data-exhibit]') ?? [];
    parts.replaceChildren(...[...exhibits].map((exhibit) => {
      const part = document.createElement('a');
      part.href = `#${exhibit.id}`;
      part.textContent = exhibit.querySelector('h3').textContent;
      return part;
    }));
  }

  /** The last section that begins above the middle of the window. */
  function mark() {
    let current;
    for (const id of links.keys()) {
      const section = document.getElementById(id);
      if (section.getBoundingClientRect().top < innerHeight / 2) current = id;
    }
    if (current !== marked) turnTo(current);
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

  // On paper nothing can be unfolded; afterwards the reader finds the page as it was.
  let folded = [];
  addEventListener('beforeprint', () => {
    folded = [...document.querySelectorAll('details:not([open])')];
    for (const details of folded) details.open = true;
  });
  addEventListener('afterprint', () => {
    for (const details of folded) details.open = false;
    folded = [];
  });
})();
