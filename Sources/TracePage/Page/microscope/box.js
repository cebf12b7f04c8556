'use strict';

/**
 * The box over the image: once in the whole image, once close up with handles. Only the box
 * itself takes hold of a finger; beside it a finger scrolls the page.
 */
const MicroscopeBox = (() => {
  const ALL = [1, 1, 1, 1];
  /** The handles: which edges each moves, and where it is (0 low, 0.5 middle, 1 high). */
  const handles = [
    ['nw', 0, 0], ['n', 0.5, 0], ['ne', 1, 0], ['e', 1, 0.5],
    ['se', 1, 1], ['s', 0.5, 1], ['sw', 0, 1], ['w', 0, 0.5],
  ].map(([name, x, y]) => (
    {name, x, y, edges: [x === 0, y === 0, x === 1, y === 1].map(Number)}));

  const help = 'Drag the box or its handles.';
  const keyHelp = ' With the box in focus: arrow keys move it by 1/16 '
    + 'cell (the first to the next sixteenth), Shift and an arrow key move its right or lower '
    + 'edge, Alt as well makes it a whole cell.';

  /** Draws the image so that `region` (pixels of the resized image) fills the canvas. */
  function paint(context, width, height, image, [x1, y1, x2, y2]) {
    context.fillStyle = Draw.colour('shade');
    context.fillRect(0, 0, width, height);
    const [across, down] = Page.sizes.resized;
    const scale = width / (x2 - x1);
    if (!image) return;
    context.imageSmoothingEnabled = scale * across / image.naturalWidth < 3;
    context.drawImage(image, -x1 * scale, -y1 * scale, across * scale, down * scale);
  }

  /**
   * An image with the box over it.
   *
   * - `region()`: the part of the image that is shown
   * - `grips`: whether the box has handles and takes the keyboard
   */
  function view({image, region, aspect, label, grips, onDrag = () => {}}) {
    const canvas = Draw.canvas(
      (context, width, height) => paint(context, width, height, image, region()),
      {aspect, label});
    const layer = Draw.svg('svg', {class: 'box-layer', 'aria-hidden': grips ? null : 'true'});
    const proposal = Draw.svg('rect', {class: 'box-proposal'});
    const halo = Draw.svg('rect', {class: 'box-halo'});
    const box = Draw.svg('rect', {class: 'box-true', 'data-edges': ALL.join(' ')});
    layer.append(proposal, halo, box);
    const dots = (grips ? handles : []).map((handle) => {
      const dot = Draw.svg('rect', {class: 'box-dot', width: 9, height: 9});
      const grip = Draw.svg('rect', {class: `box-grip box-grip-${handle.name}`, width: 30,
        height: 30, 'data-edges': handle.edges.join(' ')});
      layer.append(dot, grip);
      return {handle, dot, grip};
    });
    const element = Draw.element('div', {class: 'box-view'}, canvas, layer);
    let width = 0;
    Draw.onWidth(element, (shown) => {
      width = shown;
      if (Microscope.state) place();
    });

    const scale = () => {
      const [x1, , x2] = region();
      return width / (x2 - x1);
    };

    function set(rect, [x1, y1, x2, y2]) {
      const [left, top] = region();
      const factor = scale();
      const values = {x: (x1 - left) * factor, y: (y1 - top) * factor,
        width: Math.max((x2 - x1) * factor, 0), height: Math.max((y2 - y1) * factor, 0)};
      for (const [name, value] of Object.entries(values)) rect.setAttribute(name, value);
      return values;
    }

    function place() {
      if (!width) return;
      // On paper the image may be shown in another size: the outlines follow it.
      layer.setAttribute('viewBox', `0 0 ${width} ${width / aspect}`);
      const {box: at, proposal: index} = Microscope.state;
      set(proposal, Microscope.proposalBox(index));
      set(halo, at);
      const shown = set(box, at);
      for (const {handle, dot, grip} of dots) {
        const [x, y] = [shown.x + handle.x * shown.width, shown.y + handle.y * shown.height];
        for (const [rect, half] of [[dot, 4.5], [grip, 15]]) {
          // A handle's reach lies outside a small box, so that the box itself stays in reach.
          const outward = rect === grip ? 8 : 0;
          rect.setAttribute('x', x - half + (handle.x - 0.5) * 2 * outward);
          rect.setAttribute('y', y - half + (handle.y - 0.5) * 2 * outward);
        }
      }
    }

    // Chromium does not heed touch-action on a shape within an SVG: without this a longer drag ends
    // in scrolling.
    layer.addEventListener('touchstart', (event) => {
      if (event.target.dataset?.edges) event.preventDefault();
    }, {passive: false});

    layer.addEventListener('pointerdown', (event) => {
      const edges = event.target.dataset?.edges?.split(' ').map(Number);
      if (!edges || event.button !== 0) return;
      event.preventDefault();
      if (grips) box.focus({preventScroll: true});
      const start = {x: event.clientX, y: event.clientY, box: Microscope.state.box, scale: scale(),
        step: Microscope.step(), proposal: Microscope.state.proposal};
      event.target.setPointerCapture(event.pointerId);
      onDrag(true);
      const move = (moved) => {
        if (moved.pointerId !== event.pointerId) return;
        const steps = (from, to) => Math.round((to - from) / start.scale / start.step);
        Microscope.update({box: Microscope.shifted(start.box, edges,
          steps(start.x, moved.clientX), steps(start.y, moved.clientY))}, 'box');
      };
      const end = (ended) => {
        if (ended.pointerId !== event.pointerId) return;
        event.target.removeEventListener('pointermove', move);
        event.target.removeEventListener('pointerup', end);
        event.target.removeEventListener('pointercancel', end);
        onDrag(false);
      };
      event.target.addEventListener('pointermove', move);
      event.target.addEventListener('pointerup', end);
      event.target.addEventListener('pointercancel', end);
    });

    if (grips) {
      box.setAttribute('tabindex', 0);
      box.setAttribute('role', 'application');
      box.setAttribute('aria-describedby', 'microscope-help');
      MicroscopeKeys.onArrow(box, (x, y, {shiftKey, altKey}) => {
        const edges = shiftKey ? [0, 0, 1, 1] : ALL;
        const cell = 1 / Microscope.STEP;
        const {box: at} = Microscope.state;
        Microscope.update({box: altKey ? Microscope.shifted(at, edges, x * cell, y * cell)
          : Microscope.nudged(at, edges, x, y)}, 'box');
      });
    }
    return Object.assign(element, {place, canvas, box});
  }

  /** Both views; `frame` gives the cells that the magnified maps show. */
  async function panels(frame) {
    const image = await Page.image();
    const [width, height] = Page.sizes.resized;
    const whole = view({image, region: () => [0, 0, width, height], aspect: width / height,
      label: 'The whole image', grips: false});
    const close = view({image, aspect: 1, label: 'The image around the box', grips: true,
      region: () => frame.pixels(), onDrag: (isHeld) => frame.hold(isHeld)});
    whole.addEventListener('click', (event) => {
      if (event.target.dataset?.edges) return;
      const bounds = whole.getBoundingClientRect();
      const factor = width / bounds.width;
      const {box} = Microscope.state;
      const steps = (at, low, high) => Math.round((at - (low + high) / 2) / Microscope.step());
      Microscope.update({box: Microscope.shifted(box, ALL,
        steps((event.clientX - bounds.left) * factor, box[0], box[2]),
        steps((event.clientY - bounds.top) * factor, box[1], box[3]))}, 'box');
    });
    Microscope.listen((state) => {
      close.box.setAttribute('aria-label', `The box, left ${Numbers.fixed(state.box[0], 2)}, top `
        + `${Numbers.fixed(state.box[1], 2)}, width ${Numbers.fixed(state.box[2] - state.box[0], 2)}, `
        + `height ${Numbers.fixed(state.box[3] - state.box[1], 2)} input pixels`);
      whole.place();
      close.place();
    });
    return {close, row: Draw.columns(
      Draw.panel(whole, 'The whole image. Drag the box, or click where it should be.',
        'In the image'),
      Draw.panel(close, [Draw.element('span', {id: 'microscope-help'}, help,
        Draw.element('span', {class: 'unseen'}, keyHelp)),
        ' Dotted: the proposal that it began as.'], 'Close up'))};
  }

  /** Buttons for those who have no arrow keys. */
  function nudges() {
    const moves = [['←', 'left', -1, 0], ['↑', 'up', 0, -1], ['↓', 'down', 0, 1],
      ['→', 'right', 1, 0]];
    const buttons = moves.map(([sign, word, x, y]) => {
      const button = Controls.button({label: sign, onClick: () => Microscope.update(
        {box: Microscope.nudged(Microscope.state.box, ALL, x, y)}, 'box')});
      button.setAttribute('aria-label', `Move the box ${word} by 1/16 cell`);
      return button;
    });
    return Draw.element('div', {class: 'control'}, Draw.element('span', {}, 'Move by 1/16 cell'),
      Draw.element('div', {class: 'nudges'}, ...buttons));
  }

  return {panels, nudges, keyHelp};
})();
