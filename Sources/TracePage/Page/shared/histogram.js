'use strict';

/** Histograms of series that hardly overlap, as SVG. */
const Histogram = (() => {
  const {element, svg} = Draw;
  const HEIGHT = 260;
  const margin = {left: 60, right: 14, top: 26, bottom: 46};

  /**
   * A histogram as wide as its place. A bin holds what is above its lower end, up to its upper end
   * and that end too: half a cell is rounded up, so that the greatest shift lies on a bin's end.
   *
   * @param series `{name, title, values}`, distinguished by the classes `series-NAME`
   * @param bounds `{at, text}`: vertical lines
   * @param range `[least, greatest]` of the values, in steps of `step`
   */
  function chart({series, bounds, range: [least, greatest], step, unit, label}) {
    const count = Math.round((greatest - least) / step);
    const columns = series.map(({values}) => {
      const found = new Array(count).fill(0);
      for (const value of values) {
        const place = Math.ceil((value - least) / step) - 1;
        found[Math.min(Math.max(place, 0), count - 1)]++;
      }
      return found;
    });
    const most = Draw.niceAbove(Math.max(1, ...columns.flat()), [1, 1.5, 2, 3, 4, 5, 6, 8, 10]);
    const drawing = svg('svg', {role: 'img', class: 'histogram', 'aria-label': label});
    drawing.style.height = `${HEIGHT}px`;
    Draw.onWidth(drawing, (width) => {
      if (!width) return;
      drawing.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
      const [right, bottom] = [width - margin.right, HEIGHT - margin.bottom];
      const x = (value) => (
        margin.left + (value - least) / (greatest - least) * (right - margin.left));
      const y = (value) => bottom - value / most * (bottom - margin.top);
      const parts = [];
      for (const value of Draw.ticks(0, most, 4)) {
        parts.push(svg('line', {class: 'rule', x1: margin.left, x2: right, y1: y(value), y2: y(value)}),
          svg('text', {x: margin.left - 8, y: y(value) + 4, 'text-anchor': 'end'}, String(value)));
      }
      columns.forEach((found, which) => {
        const bars = svg('g', {class: `series series-${series[which].name}`});
        const broad = x(least + step) - x(least);
        found.forEach((height, place) => {
          if (!height) return;
          bars.append(svg('rect', {x: x(least + place * step) + 0.5, y: y(height),
            width: Math.max(broad - 1, 0.5), height: bottom - y(height)}));
        });
        parts.push(bars);
      });
      for (const value of Draw.ticks(least, greatest, width / 70)) {
        parts.push(svg('line', {class: 'tick', x1: x(value), x2: x(value), y1: bottom, y2: bottom + 5}),
          svg('text', {x: x(value), y: bottom + 19, 'text-anchor': 'middle'}, Numbers.fixed(value,
            Number.isInteger(value) ? 0 : 1)));
      }
      for (const {at, text} of bounds) {
        parts.push(svg('line', {class: 'bound', x1: x(at), x2: x(at), y1: margin.top - 4, y2: bottom}),
          svg('text', {x: x(at), y: margin.top - 10, 'text-anchor': 'middle'}, text));
      }
      const middle = (margin.top + bottom) / 2;
      parts.push(
        svg('text', {x: (margin.left + right) / 2, y: bottom + 40, 'text-anchor': 'middle'}, unit),
        svg('text', {x: 14, y: middle, 'text-anchor': 'middle',
          transform: `rotate(-90 14 ${middle})`}, 'edges'));
      drawing.replaceChildren(...parts);
    });
    return drawing;
  }

  /** What the series' colours mean. */
  function legend(series) {
    return element('ul', {class: 'keys'}, ...series.map(({name, title}) => element('li', {},
      svg('svg', {width: 14, height: 14, class: `series series-${name}`, 'aria-hidden': 'true'},
        svg('rect', {width: 14, height: 14})), title)));
  }

  return {chart, legend};
})();
