'use strict';

/** What comes out: the operators' grids on one scale, and their differences on another. */
const MicroscopeGrids = (() => {
  const margin = {left: 30, top: 4, bottom: 34, right: 4};

  const outputs = [
    ['pool', 'RoIPool'], ['warp', 'RoIWarp'], ['align', 'RoIAlign'],
  ];
  const differences = [
    ['poolLess', 'RoIPool − RoIAlign'], ['warpLess', 'RoIWarp − RoIAlign'],
  ];

  function draw(context, width, height, values, state, scale) {
    const {bins, row, column} = state;
    const side = Math.min(width - margin.left - margin.right, height - margin.top - margin.bottom);
    const each = side / bins;
    context.imageSmoothingEnabled = false;
    context.drawImage(
      Heatmap.image(values, bins, bins, scale), margin.left, margin.top, side, side);
    context.strokeStyle = 'rgb(128 128 128 / 40%)';
    context.lineWidth = 0.5;
    for (let index = 0; index < bins; index++) {
      context.strokeRect(margin.left + index * each, margin.top, each, side);
      context.strokeRect(margin.left, margin.top + index * each, side, each);
    }
    MicroscopeMap.outlined(context, () => context.strokeRect(
      margin.left + column * each, margin.top + row * each, each, each),
    {width: 2.5, ink: '#0a8f45'});
    const axis = (name, start) => ({name, ticks: Array.from(
      {length: bins}, (_, index) => [start + (index + 0.5) * each, index])});
    Draw.axes(context, [margin.left, margin.top, side, side],
      axis('bin column', margin.left), axis('bin row', margin.top), 0);
    return side;
  }

  /** A grid whose bins can be chosen by click or arrow keys. */
  function grid([name, title], scaleOf) {
    let side = 0;
    const canvas = Draw.canvas((context, width, height) => {
      const {state} = Microscope;
      if (state) side = draw(context, width, height, state.outputs[name], state, scaleOf());
    }, {class: 'grid', 'data-grid': name, tabindex: 0, role: 'application'});
    MicroscopeKeys.onBin(canvas);
    canvas.addEventListener('click', (event) => {
      const bounds = canvas.getBoundingClientRect();
      const {bins} = Microscope.state;
      const place = (at, start) => Math.floor((at - start) / side * bins);
      const column = place(event.clientX - bounds.left, margin.left);
      const row = place(event.clientY - bounds.top, margin.top);
      if ([row, column].every((each) => each >= 0 && each < bins)) {
        Microscope.update({row, column}, 'bin');
      }
    });
    const value = Draw.element('span', {class: 'value'});
    function show(state) {
      const values = state.outputs[name];
      const chosen = values[state.row * state.bins + state.column];
      canvas.dataset.values = values.join(' ');
      value.textContent = `bin ${state.row}, ${state.column}: ${Numbers.short(chosen)}`;
      canvas.setAttribute('aria-label', `${title}, ${state.bins} by ${state.bins} bins. Bin row `
        + `${state.row}, column ${state.column}: ${Numbers.short(chosen)}, activation`);
      canvas.redraw();
    }
    return Object.assign(Draw.panel(canvas, value, title), {show});
  }

  /** Both rows of grids with their legends: the outputs, and their differences. */
  function panels(frame) {
    let scale;
    const outs = outputs.map((entry) => grid(entry, () => frame.scale));
    const less = differences.map((entry) => grid(entry, () => scale));
    const [outLegend, lessLegend] = [Draw.element('div'), Draw.element('div')];
    let [shownOut, shownLess] = [null, null];
    Microscope.listen((state) => {
      // The ends move in wide steps, so that colours stay comparable while the box moves.
      const {poolLess, warpLess} = state.outputs;
      const end = Draw.niceAbove(
        [...poolLess, ...warpLess].reduce((most, each) => Math.max(most, Math.abs(each)), 0),
        [1, 1.5, 2, 3, 4, 6, 8, 10]);
      if (end !== shownLess) {
        scale = {least: -end, greatest: end, colours: Page.colours.diverging};
        lessLegend.replaceChildren(Heatmap.legend(scale, 'difference of activations'));
        shownLess = end;
      }
      if (frame.scale !== shownOut) {
        outLegend.replaceChildren(Heatmap.legend(frame.scale, 'activation, maps and outputs alike'));
        shownOut = frame.scale;
      }
      for (const panel of [...outs, ...less]) panel.show(state);
    });
    const {bins} = Microscope.state;
    return {
      outputs: [
        Draw.element('h4', {}, 'What comes out'),
        Draw.element('p', {class: 'note'}, `The ${bins} × ${bins} numbers that the heads would be `
          + 'given. Choose a bin by click',
        Draw.element('span', {class: 'by-keyboard'}, ' or, in a grid, by arrow keys'), '.'),
        Controls.row(MicroscopeBox.nudges()),
        Draw.element('div', {class: 'panels grids under'}, ...outs), outLegend,
      ],
      differences: [Draw.element('div', {class: 'panels grids'}, ...less), lessLegend],
    };
  }

  return {panels};
})();
