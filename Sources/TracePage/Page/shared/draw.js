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

  /** A figure of a row of panels: what it shows, and what to see in it. */
  function panel(title, body, ...captions) {
    const heading = element('span', {class: 'panel-title'}, title);
    return element('figure', {class: 'panel'}, heading, body,
      element('figcaption', {}, ...captions));
  }

  /** A row of panels that wraps. */
  function panels(...children) {
    return element('div', {class: 'panels'}, ...children);
  }

  const colours = new Map();
  // Registered before every redraw, so that those find the new colours.
  Page.onLook(() => colours.clear());

  /** A colour of the page, `--ink` for `ink`. Kept: to ask for it computes the page's styles. */
  function colour(name) {
    if (!colours.has(name)) {
      const style = getComputedStyle(document.documentElement);
      colours.set(name, style.getPropertyValue(`--${name}`).trim());
    }
    return colours.get(name);
  }

  /**
   * A canvas that is as wide as its place and sharp on every screen. `draw(context, width, height)`
   * is called, in CSS pixels, by `redraw()`, and when the width or the page's colours change.
   * `aspect` is width over height.
   */
  function canvas(draw, {aspect = 1, label = ''} = {}) {
    const target = element('canvas', {role: 'img', 'aria-label': label});
    target.style.width = '100%';
    target.style.aspectRatio = aspect;
    const context = target.getContext('2d');
    let [width, height] = [0, 0];
    function redraw() {
      if (!width) return;
      const density = Math.max(1, window.devicePixelRatio || 1);
      const [across, down] = [Math.round(width * density), Math.round(height * density)];
      if (target.width !== across) target.width = across;
      if (target.height !== down) target.height = down;
      context.setTransform(density, 0, 0, density, 0, 0);
      context.clearRect(0, 0, width, height);
      draw(context, width, height);
    }
    onWidth(target, (shown) => {
      [width, height] = [shown, shown / aspect];
      redraw();
    });
    Page.onLook(redraw);
    return Object.assign(target, {redraw});
  }

  /** Calls back with an element's width whenever it changes. */
  function onWidth(target, callback) {
    new ResizeObserver(([entry]) => callback(entry.contentRect.width)).observe(target);
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

  /** A number with its sign as typography has it. */
  function signed(value, digits) {
    const text = value.toFixed(digits);
    return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '−');
  }

  return {element, svg, panel, panels, colour, canvas, onWidth, niceAbove, ticks, signed};
})();
