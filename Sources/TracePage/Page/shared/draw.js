'use strict';

/** Elements, sharp canvases and axes. */
const Draw = (() => {
  const SVG = 'http://www.w3.org/2000/svg';

  function filled(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  /** An HTML element with attributes and children. */
  function element(tag, attributes = {}, ...children) {
    return filled(document.createElement(tag), attributes, children);
  }

  /** An SVG element with attributes and children. */
  function svg(tag, attributes = {}, ...children) {
    return filled(document.createElementNS(SVG, tag), attributes, children);
  }

  /**
   * A figure of a row of panels: what it shows, what to see in it, and perhaps a title above. `body`
   * and `words` are a node or an array of nodes; the words' element is the figure's `caption`.
   */
  function panel(body, words = [], title) {
    const heading = title ? [element('span', {class: 'panel-title'}, title)] : [];
    const caption = element('figcaption', {}, ...[words].flat());
    return Object.assign(
      element('figure', {class: 'panel'}, ...heading, ...[body].flat(), caption), {caption});
  }

  /** A row of panels that wraps. */
  function panels(...children) {
    return element('div', {class: 'panels'}, ...children);
  }

  /** Three columns, or one where there is no room; never two and one. */
  function columns(...children) {
    return element('div', {class: 'panels three'}, ...children);
  }

  /** What is folded away below a line of words until it is asked for. */
  function drawer(title, ...children) {
    return element('details', {class: 'drawer'}, element('summary', {}, title), ...children);
  }

  const colours = new Map();

  /** A colour of the page, `--ink` for `ink`. Kept: to ask for it computes the page's styles. */
  function colour(name) {
    if (!colours.has(name)) {
      const style = getComputedStyle(document.documentElement);
      colours.set(name, style.getPropertyValue(`--${name}`).trim());
    }
    return colours.get(name);
  }

  // The page turns light or dark, on the screen or because it is printed.
  for (const query of ['(prefers-color-scheme: dark)', 'print']) {
    matchMedia(query).addEventListener('change', () => {
      colours.clear();
      for (const target of document.querySelectorAll('canvas')) target.fit?.();
    });
  }

  /**
   * A canvas that is as wide as its place and sharp on every screen. `draw(context, width, height)`
   * is called, in CSS pixels, by `redraw()`, and when the width or the page's colours change.
   *
   * - `aspect`: width over height
   * - `heightOf(width)`: the height instead, where it follows what is shown
   * - `label`: what it shows, for those who do not see it
   * - `waits`: whether it is first drawn when it comes near the window, or is printed
   * - `attributes`: of the element
   */
  function canvas(draw, {aspect = 1, heightOf, label, waits = false, ...attributes} = {}) {
    const target = element('canvas', {role: 'img', 'aria-label': label, ...attributes});
    target.style.aspectRatio = aspect;
    let width = 0;
    function redraw() {
      if (!width || waits) return;
      const height = Math.round(heightOf ? heightOf(width) : width / aspect);
      const density = Math.max(1, window.devicePixelRatio || 1);
      const [across, down] = [Math.round(width * density), Math.round(height * density)];
      if (target.width !== across || target.height !== down) {
        [target.width, target.height] = [across, down];
      }
      if (heightOf) target.style.aspectRatio = `${width} / ${height}`;
      const context = target.getContext('2d');
      context.clearRect(0, 0, across, down);
      context.save();
      context.scale(across / width, down / height);
      draw(context, width, height);
      context.restore();
    }
    // On paper it may be shown in another size.
    function fit() {
      width = target.clientWidth;
      redraw();
    }
    onWidth(target, fit);
    if (waits) {
      const begin = () => {
        waits = false;
        observer.disconnect();
        redraw();
      };
      const observer = new IntersectionObserver((entries) => {
        if (entries.some((each) => each.isIntersecting)) begin();
      }, {rootMargin: '200px'});
      observer.observe(target);
      addEventListener('beforeprint', begin, {once: true});
    }
    return Object.assign(target, {redraw, fit});
  }

  /** Calls back with an element's width whenever it changes. */
  function onWidth(target, callback) {
    let before;
    new ResizeObserver(([{contentRect: {width}}]) => {
      if (width === before) return;
      before = width;
      callback(width);
    }).observe(target);
  }

  /**
   * Numbers along the lower and the left edge of a plot at `[left, top, width, height]`, and the
   * axes' names: `{name, ticks}` each, `ticks` being `[place, text]`, the place in CSS pixels.
   * `mark` is how long a tick's line is.
   */
  function axes(context, [left, top, width, height], x, y, mark = 4) {
    const bottom = top + height;
    context.fillStyle = colour('soft');
    context.font = `11px ${colour('sans')}`;
    context.textAlign = 'center';
    context.textBaseline = 'top';
    for (const [place, text] of x.ticks) {
      context.fillRect(Math.round(place), bottom, 1, mark);
      context.fillText(text, place, bottom + 6);
    }
    context.fillText(x.name, left + width / 2, bottom + 21);
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (const [place, text] of y.ticks) {
      context.fillRect(left - mark, Math.round(place), mark, 1);
      // Within the canvas at its upper edge.
      context.fillText(text, left - 6, Math.max(place, 6));
    }
    context.save();
    context.translate(8, top + height / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = 'center';
    context.fillText(y.name, 0, 0);
    context.restore();
  }

  /** The least of `digits`, times any power of ten, that is not below `value`. */
  function niceAbove(value, digits = [1, 2, 5, 10]) {
    if (!(value > 0)) return 1;
    const power = 10 ** Math.floor(Math.log10(value));
    const found = digits.map((digit) => digit * power).find((each) => each >= value * (1 - 1e-12));
    return Number((found ?? 10 * power).toPrecision(3));
  }

  /** Round numbers from `least` to `greatest`, at most about `count`. */
  function ticks(least, greatest, count, smallest = 0) {
    const step = Math.max(niceAbove((greatest - least) / Math.max(count, 1)), smallest);
    const found = [];
    for (let index = Math.ceil(least / step); index * step <= greatest + step * 1e-9; index++) {
      found.push(Number((index * step).toPrecision(12)));
    }
    return found;
  }

  return {element, svg, panel, panels, columns, drawer, colour, canvas, onWidth, axes, niceAbove, ticks};
})();
