'use strict';

Page.exhibit('sweep', async (bench, {steps}) => {
  const {element} = Draw;
  await Microscope.ready;

  const curves = [
    {name: 'pool', title: 'RoIPool', mark: 'square', isStairs: true},
    {name: 'warp', title: 'RoIWarp', mark: 'triangle', isStairs: true},
    {name: 'align', title: 'RoIAlign, not aligned', mark: 'circle', isStairs: false},
    {name: 'aligned', title: 'RoIAlign, aligned', mark: 'diamond', isStairs: false},
  ];
  let axis = 0;
  let position = 0;
  let origin = Microscope.state.box;
  let found;

  /** The box after some steps of 1/16 cell. */
  function boxAt(step) {
    return origin.map((edge, index) => (
      index % 2 === axis ? Math.fround(edge + step * Microscope.step()) : edge));
  }

  /** The greatest change from one step to the next, and where it begins. */
  function largest(values) {
    const changes = values.slice(1).map((value, step) => Math.abs(value - values[step]));
    const size = Math.max(...changes);
    return {size, step: changes.indexOf(size)};
  }

  /** The greatest change of every bin, of one operator's grids at every step. */
  function largestOfAll(grids) {
    return Array.from(grids[0], (_, bin) => largest(grids.map((grid) => grid[bin])).size);
  }

  /** The grids of all operators at every step. */
  function sweepOf({map, samplingRatio, maximum, bins}) {
    const boxes = Array.from({length: steps + 1}, (_, step) => boxAt(step));
    const options = {samplingRatio, maximum};
    return {
      pool: RoI.grids('pool', map, boxes, {}, bins),
      warp: RoI.grids('warp', map, boxes, options, bins),
      align: RoI.grids('align', map, boxes, {...options, aligned: false}, bins),
      aligned: RoI.grids('align', map, boxes, {...options, aligned: true}, bins),
    };
  }

  const slider = Controls.slider({label: 'Shift of the box', least: 0, greatest: steps, step: 1,
    value: 0, format: (step) => `${step}/${steps} cell`, onInput: (step) => {
      position = step;
      Microscope.update({box: boxAt(step)}, 'sweep');
    }});
  const direction = Controls.select({label: 'Along', options: [[0, 'x, to the right'],
    [1, 'y, downwards']], value: 0, onChange: (value) => {
    axis = Number(value);
    position = 0;
    Microscope.update({box: origin}, 'sweep-axis');
  }});
  const chart = SweepChart.chart();
  const readout = element('p', {class: 'readout', 'aria-live': 'off'});
  const jumps = element('tbody');

  function here(state) {
    const {row, column, level} = state;
    chart.show({curves: found, position, axis: 'xy'[axis], level: level.name,
      bin: `${row}, ${column}`});
    readout.textContent = `Shifted by ${position}/${steps} cell of ${level.name} along ${'xy'[axis]}, `
      + `bin in row ${row}, column ${column}: ${found.map(({title, values}) => (
        `${title} ${Numbers.short(values[position])}`)).join('; ')}. Activation, channel `
      + `${state.channel}.`;
  }

  function compute(state) {
    const grids = sweepOf(state);
    const bin = state.row * state.bins + state.column;
    found = curves.map((curve) => ({...curve, values: grids[curve.name].map((grid) => grid[bin])}));
    here(state);
    jumps.replaceChildren(...found.map(({name, title, values}) => {
      const one = largest(values);
      const every = largestOfAll(grids[name]);
      const most = Math.max(...every);
      const where = every.indexOf(most);
      const place = `${Math.floor(where / state.bins)}, ${where % state.bins}`;
      return element('tr', {'data-operator': name, 'data-jump': one.size, 'data-step': one.step,
        'data-most': most},
      element('th', {scope: 'row'}, title),
      element('td', {class: 'figure'}, Numbers.short(one.size)),
      element('td', {}, one.size ? `${one.step}/${steps} to ${one.step + 1}/${steps}` : 'no change'),
      element('td', {class: 'figure'}, Numbers.short(most)), element('td', {}, place));
    }));
  }

  // The sweep begins with the bin that has most to show; the reader may choose any other.
  const jumpsOfPool = largestOfAll(sweepOf(Microscope.state).pool);
  const first = jumpsOfPool.indexOf(Math.max(...jumpsOfPool));
  const {bins} = Microscope.state;
  Microscope.update({row: Math.floor(first / bins), column: first % bins}, 'bin');

  let timer;
  Microscope.listen((state, before, source) => {
    // It speaks when its own controls are moved; for all else the microscope does.
    readout.setAttribute('aria-live', source.startsWith('sweep') ? 'polite' : 'off');
    if (source === 'sweep') {
      here(state);
      return;
    }
    if (state.box !== origin && source !== 'bin') {
      const isMoved = state.box.some((edge, index) => edge !== boxAt(position)[index]);
      if (isMoved) [origin, position] = [state.box, 0];
    }
    if (slider.input.valueAsNumber !== position) {
      slider.input.value = position;
      slider.show();
    }
    clearTimeout(timer);
    // While a box is dragged, the curves follow when it rests for a moment.
    if (source === 'box') timer = setTimeout(() => compute(Microscope.state), 60);
    else compute(state);
  });

  const columns = ['operator', 'largest step', 'from, to', 'of all bins, this channel', 'in bin'];
  bench.replaceChildren(
    Controls.row(direction, slider),
    Draw.panels(Draw.panel(chart, 'One mark per 1/16 cell. The vertical line: where the box is '
      + 'now, here and in the microscope.')),
    SweepChart.legend(curves), readout,
    element('div', {class: 'scroller', tabindex: 0, role: 'region', 'aria-label': 'Largest changes'},
      element('table', {class: 'jumps'},
        element('thead', {}, element('tr', {}, ...columns.map((text, index) => (
          element('th', {scope: 'col', class: index === 1 || index === 3 ? 'figure' : ''}, text))))),
        jumps)),
    element('p', {class: 'note'}, 'Largest step: the greatest change of activation from one 1/16 of '
      + 'a cell to the next. The bin, the channel and the samples are those chosen in the '
      + 'microscope; its box is where the sweep begins. At first it is the bin in which RoIPool jumps '
      + `most along x; the last two columns say for every operator which of the ${bins * bins} bins `
      + 'does.'));
});
