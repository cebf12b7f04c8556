'use strict';

/** Curves over a shift of 0 to 1 cell. */
const SweepChart = (() => {
  const {element, svg} = Draw;
  const HEIGHT = 320;
  const margin = {left: 76, right: 14, top: 12, bottom: 48};

  /** Marks that differ without colour. */
  const marks = {
    square: (x, y) => svg('rect', {x: x - 3.5, y: y - 3.5, width: 7, height: 7}),
    triangle: (x, y) => svg('path', {d: `M${x} ${y - 4.5}l4.5 8h-9z`}),
    circle: (x, y) => svg('circle', {cx: x, cy: y, r: 3.5}),
    diamond: (x, y) => svg('path', {d: `M${x} ${y - 4.8}l4.8 4.8l-4.8 4.8l-4.8 -4.8z`}),
  };

  /** The points of a curve; stairs keep their value until the next step. */
  function path(points, isStairs) {
    return points.map(([x, y], index) => (
      index === 0 ? `M${x} ${y}` : isStairs ? `H${x}V${y}` : `L${x} ${y}`)).join('');
  }

  /** A legend of lines and marks. */
  function legend(curves) {
    return element('ul', {class: 'keys'}, ...curves.map(({name, title, mark}) => {
      const sample = svg('svg', {width: 40, height: 14, 'aria-hidden': 'true',
        class: `curve curve-${name}`},
      svg('path', {d: 'M0 7H40'}), svg('g', {class: 'marks'}, marks[mark](20, 7)));
      return element('li', {}, sample, title);
    }));
  }

  /**
   * A chart that is as wide as its place. `show({curves, position, axis, level, bin})` draws:
   * `curves` are `{name, title, mark, isStairs, values}`, a value per step from 0 to 1 cell.
   */
  function chart() {
    const drawing = svg('svg', {role: 'img', class: 'sweep-chart',
      'aria-label': 'Activation of the chosen bin while the box shifts'});
    drawing.style.height = `${HEIGHT}px`;
    let width = 0;
    let shown = null;
    Draw.onWidth(drawing, (now) => {
      width = now;
      if (shown && isWide()) draw();
    });

    function show(content) {
      shown = content;
      if (isWide()) draw();
    }

    /** Whether there is room between the margins; an element that is not shown has no width. */
    function isWide() {
      return width > margin.left + margin.right;
    }

    function draw() {
      const {curves, position, axis, level, bin} = shown;
      drawing.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
      const all = curves.flatMap(({values}) => values);
      let [least, greatest] = [Math.min(...all), Math.max(...all)];
      const room = (greatest - least || Math.abs(greatest) || 1) * 0.06;
      [least, greatest] = [least - room, greatest + room];
      const right = width - margin.right;
      const bottom = HEIGHT - margin.bottom;
      const steps = curves[0].values.length - 1;
      const x = (step) => margin.left + step / steps * (right - margin.left);
      const y = (value) => (
        bottom - (value - least) / (greatest - least) * (bottom - margin.top));
      drawing.replaceChildren(
        ...axes({x, y, least, greatest, steps, right, bottom, axis, level, bin}),
        ...curves.map(({name, mark, isStairs, values}) => {
          const points = values.map((value, step) => [x(step), y(value)]);
          return svg('g', {class: `curve curve-${name}`}, svg('path', {d: path(points, isStairs)}),
            svg('g', {class: 'marks'}, ...points.map(([px, py]) => marks[mark](px, py))));
        }),
        svg('line', {class: 'position', x1: x(position), x2: x(position), y1: margin.top,
          y2: bottom}),
        ...curves.map(({name, values}) => svg('circle', {class: `here curve-${name}`,
          cx: x(position), cy: y(values[position]), r: 7})));
      drawing.setAttribute('aria-label', `Activation of bin ${bin} while the box shifts along `
        + `${axis} by one cell: ${curves.map(({title, values}) => (
          `${title} from ${Numbers.short(values[0])} to ${Numbers.short(values.at(-1))}`
        )).join(', ')}`);
    }
    return Object.assign(drawing, {show});
  }

  function axes({x, y, least, greatest, steps, right, bottom, axis, level, bin}) {
    const found = [svg('rect', {class: 'frame', x: margin.left, y: margin.top,
      width: right - margin.left, height: bottom - margin.top})];
    const ticks = Draw.ticks(least, greatest, 6);
    const digits = Math.max(0, ...ticks.map((each) => (String(each).split('.')[1] ?? '').length));
    for (const value of ticks) {
      found.push(svg('line', {class: 'rule', x1: margin.left, x2: right, y1: y(value), y2: y(value)}),
        svg('text', {x: margin.left - 8, y: y(value) + 4, 'text-anchor': 'end'},
          Numbers.fixed(value, digits)));
    }
    for (let step = 0; step <= steps; step++) {
      const isNamed = step % (steps / 4) === 0;
      found.push(svg('line', {class: 'tick', x1: x(step), x2: x(step), y1: bottom,
        y2: bottom + (isNamed ? 7 : 4)}));
      if (isNamed) {
        found.push(svg('text', {x: x(step), y: bottom + 20, 'text-anchor': 'middle'},
          String(step / steps)));
      }
    }
    const middle = (margin.top + bottom) / 2;
    found.push(
      svg('text', {x: (margin.left + right) / 2, y: bottom + 40, 'text-anchor': 'middle'},
        `shift along ${axis}, cells of ${level}`),
      svg('text', {x: 14, y: middle, 'text-anchor': 'middle', transform: `rotate(-90 14 ${middle})`},
        `activation of bin ${bin}`));
    return found;
  }

  return {chart, legend};
})();
