'use strict';

/**
 * The object that the reader looks at: one of the detections, counted from 0 by descending score.
 * Every exhibit opens on it and follows it; `#object=17` in the address names it.
 */
const Current = (() => {
  const {objects} = Page;
  const count = objects?.boxes.length ?? 0;
  const listeners = [];
  let chosen = named() ?? first();

  /** The object that the address names; undefined where it names none that there is. */
  function named() {
    const number = Number(/^#object=(\d+)$/.exec(location.hash)?.[1] ?? NaN);
    return number < count ? number : undefined;
  }

  /** To begin with, the best object that lies whole inside the image. */
  function first() {
    if (!count) return -1;
    const size = Page.sizes.original;
    return Math.max(0, objects.boxes.findIndex((box) => box.every((edge, side) => (
      edge > 3 && edge < size[side % 2] - 3))));
  }

  /** Chooses an object; `source` names the exhibit in which it was chosen. */
  function choose(object, source = '') {
    if (!(object >= 0 && object < count) || object === chosen) return;
    chosen = object;
    history.replaceState(null, '', `#object=${object}`);
    const restore = silence(source);
    for (const listener of listeners) listener(object, source);
    restore();
  }

  /** All exhibits change at once; only the one in which the object was chosen says so. */
  function silence(source) {
    const regions = [...document.querySelectorAll('[aria-live=polite]')]
      .filter((region) => !region.closest(`[data-exhibit="${source}"]`));
    for (const region of regions) region.setAttribute('aria-live', 'off');
    // Microscope and sweep decide by themselves which of them speaks.
    const others = regions.filter((region) => !region.closest('#microscope, #sweep'));
    return () => setTimeout(() => {
      for (const region of others) region.setAttribute('aria-live', 'polite');
    }, 200);
  }

  /** Calls `listener(object, source)` whenever another object is chosen. */
  function listen(listener) {
    listeners.push(listener);
  }

  /** What an object is, in words. */
  function words(object = chosen) {
    return `${objects.classNames[objects.labels[object]]}, score `
      + Numbers.score(objects.scores[object]);
  }

  /** The middle of an object's box, in input pixels. */
  function centre(object = chosen) {
    const [x1, y1, x2, y2] = objects.boxes[object];
    return [(x1 + x2) / 2, (y1 + y2) / 2].map((at, axis) => (
      at * Page.sizes.resized[axis] / Page.sizes.original[axis]));
  }

  // Wherever the reader is, the story of the object is one step away.
  if (count && document.getElementById('biography')) {
    const link = document.createElement('a');
    link.className = 'object';
    link.href = '#biography';
    const show = () => { link.textContent = `Object ${chosen}, step by step`; };
    show();
    listen(show);
    document.querySelector('nav.contents .bar').append(link);
  }

  addEventListener('hashchange', () => {
    const object = named();
    if (object !== undefined) choose(object);
  });

  return {
    choose, listen, words, centre, objects, count,
    /** The object's number; -1 where the trace has none. */
    get object() { return chosen; },
    /** The proposal that became it; -1 without one. */
    get proposal() { return objects?.proposals[chosen] ?? -1; },
    /** The anchor that became the proposal, as `ledger.csv` numbers it; -1 without one. */
    get candidate() { return objects?.candidates[chosen] ?? -1; },
  };
})();
