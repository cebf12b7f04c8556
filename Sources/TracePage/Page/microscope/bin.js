'use strict';

/** Every number that goes into the chosen bin, operator by operator, as a sum to follow. */
const MicroscopeBin = (() => {
  /** Longer lists wait until the box rests. */
  const LONG = 120;

  /** Decimals that show five or six digits of a map's values. */
  function decimals({least, greatest}) {
    const size = Math.max(Math.abs(least), Math.abs(greatest)) || 1;
    return Math.min(Math.max(5 - Math.floor(Math.log10(size)), 0), 10);
  }

  const {element} = Draw;

  /** A table cell with a number; the exact one is in `data-value`. */
  function number(value, digits, attributes = {}) {
    return element('td', {class: 'figure', 'data-value': value, ...attributes},
      Numbers.fixed(value, digits));
  }

  function result(name, text, output, digits) {
    const strong = element('strong', {'data-output': output}, Numbers.fixed(output, digits));
    return element('p', {class: 'result', 'data-result': name}, text, ' = ', strong);
  }

  /** RoIPool: the bin's cells as they lie in the map, the greatest marked. */
  function pool({rows, columns, cells, winner, output}, digits) {
    if (!cells.length) {
      return [element('p', {}, 'No cell: the bin lies beside the map.'),
        result('pool', 'nothing to compare', output, digits)];
    }
    const across = columns[1] - columns[0];
    const header = element('tr', {}, element('th', {scope: 'col'}, 'row \\ column'),
      ...Array.from({length: across}, (_, index) => (
        element('th', {scope: 'col', class: 'figure'}, String(columns[0] + index)))));
    const body = Array.from({length: rows[1] - rows[0]}, (_, row) => (
      element('tr', {}, element('th', {scope: 'row'}, String(rows[0] + row)),
        ...cells.slice(row * across, (row + 1) * across).map(({value}, column) => {
          const won = row * across + column === winner;
          return number(value, digits, won ? {class: 'figure won', 'data-won': 'true'} : {});
        }))));
    const count = cells.length === 1 ? '1 cell' : `${cells.length} cells`;
    return [
      element('p', {}, `The bin covers ${count}; the greatest is taken (marked).`),
      element('div', {class: `scroller sums${body.length > 12 ? ' long' : ''}`, tabindex: 0,
        role: 'region', 'aria-label': 'Cells of RoIPool’s bin'},
      element('table', {}, element('thead', {}, header), element('tbody', {}, ...body))),
      result('pool', `greatest of ${count}`, output, digits),
    ];
  }

  /** RoIWarp and RoIAlign: sample by sample, four cells each. */
  function sampled(name, {samples, winner, count, maximum, output}, digits, chosen, onChoose) {
    const bodies = samples.map((sample, index) => {
      const button = element('button', {type: 'button', class: 'sample',
        'aria-pressed': String(index === chosen)}, `Sample ${index + 1}`);
      button.addEventListener('click', () => onChoose(index));
      const head = element('tr', {class: 'sample-head'},
        element('th', {scope: 'rowgroup', colspan: 3}, button,
          ` reads x ${Numbers.fixed(sample.x, 3)}, y ${Numbers.fixed(sample.y, 3)}`),
        number(sample.value, digits, {'data-sample': index,
          class: index === winner ? 'figure won' : 'figure'}));
      const rows = sample.inside ? sample.cells.map((cell) => element('tr', {},
        element('th', {scope: 'row'}, `${cell.row}, ${cell.column}`),
        number(cell.weight, 5, {'data-part': 'weight'}),
        number(cell.value, digits, {'data-part': 'value'}),
        number(cell.product, digits, {'data-part': 'product'})))
        : [element('tr', {}, element('td', {colspan: 4}, 'more than a cell outside the map: 0'))];
      return element('tbody', {}, head, ...rows);
    });
    const header = element('tr', {}, ...['cell: row, column', 'weight', '× value', '= product'].map(
      (text, index) => element('th', {scope: 'col', class: index ? 'figure' : ''}, text)));
    const terms = samples.map(({value}) => Numbers.fixed(value, digits));
    const [open, close] = maximum ? ['greatest of (', ')'] : ['(', `) ÷ ${count}`];
    const text = samples.length > 16 ? (maximum ? `greatest of ${count} samples`
      : `sum of ${count} samples ÷ ${count}`)
      : open + terms.join(maximum ? ', ' : ' + ').replaceAll('+ −', '− ') + close;
    return [
      element('p', {}, `${samples.length} sample${samples.length === 1 ? '' : 's'}; each is the sum `
        + 'of its four cells, by weight. Whole x and y are centres of cells.'),
      element('div', {class: `scroller sums${samples.length > 4 ? ' long' : ''}`, tabindex: 0,
        role: 'region',
        'aria-label': `Samples of ${name === 'warp' ? 'RoIWarp' : 'RoIAlign'}’s bin`},
      element('table', {}, element('thead', {}, header), ...bodies)),
      result(name, text, output, digits),
    ];
  }

  /** The three panels and the close-up of one sample. */
  function panels(frame) {
    const heading = element('h4');
    const summary = element('p', {class: 'readout', 'aria-live': 'polite', 'data-bin': ''});
    const bodies = MicroscopeLayers.names.map(([name, title]) => ({name, title,
      body: element('div', {class: 'sum', 'data-sum': name}), scrolled: 0}));
    for (const each of bodies) {
      // Kept from the event: to ask the list itself would lay out the page again on every update.
      each.body.addEventListener('scroll', (event) => {
        each.scrolled = event.target.scrollTop;
      }, {capture: true, passive: true});
    }
    const closeUp = MicroscopeSample.panel();
    let chosen = {name: 'align', index: 0};
    let timer;

    function explain(state) {
      clearTimeout(timer);
      const digits = decimals(frame.scale);
      for (const {name, body, scrolled} of bodies) {
        const found = state[name].explain(state.row, state.column);
        if (name === chosen.name) {
          chosen.index = Math.min(chosen.index, Math.max(found.samples.length - 1, 0));
          closeUp.show(state, name, found.samples[chosen.index], chosen.index, digits);
        }
        const index = name === chosen.name ? chosen.index : -1;
        body.replaceChildren(...(name === 'pool' ? pool(found, digits)
          : sampled(name, found, digits, index, (picked) => choose(name, picked))));
        if (scrolled > 0) body.querySelector('.sums')?.scrollTo(0, scrolled);
      }
    }

    function choose(name, index) {
      chosen = {name, index};
      explain(Microscope.state);
      const pressed = bodies.find((each) => each.name === name).body
        .querySelectorAll('button.sample')[index];
      pressed?.focus({preventScroll: true});
    }

    /** Roughly how many rows an explanation has. */
    function rows({pool, align, warp, row, column}) {
      const [[top, bottom], [left, right]] = [pool.vertical.bins[row], pool.horizontal.bins[column]];
      const samples = [align, warp].reduce(
        (sum, {vertical, horizontal}) => sum + vertical.samples * horizontal.samples, 0);
      return (bottom - top) * (right - left) + 5 * samples;
    }

    Microscope.listen((state, before, source) => {
      // One thing is said at a time: while the sweep moves the box it speaks, and where an object is
      // chosen the exhibit in which it was.
      const isOther = source.startsWith('sweep') || source === 'object';
      summary.setAttribute('aria-live', isOther ? 'off' : 'polite');
      heading.textContent = `Bin in row ${state.row}, column ${state.column}: what goes into it`;
      const digits = decimals(frame.scale);
      const at = state.row * state.bins + state.column;
      const {pool, warp, align} = state.outputs;
      summary.textContent = `RoIPool ${Numbers.fixed(pool[at], digits)}, RoIWarp `
        + `${Numbers.fixed(warp[at], digits)}, RoIAlign ${Numbers.fixed(align[at], digits)} activation, `
        + `channel ${state.channel} of ${state.level.name}.`;
      clearTimeout(timer);
      if (source !== 'start' && rows(state) > LONG) {
        timer = setTimeout(() => explain(Microscope.state), 100);
      } else {
        explain(state);
      }
    });
    return [heading, summary,
      Draw.panels(...bodies.map(({title, body}) => (
        element('div', {class: 'panel'}, element('h5', {}, title), body)))),
      closeUp];
  }

  return {panels};
})();
