'use strict';

Page.exhibit('downstream', async (bench, content) => {
  const {operators, strides, caveat, truthCaveat} = content;
  const {element} = Draw;
  const sets = new Map();
  for (const {name} of operators) {
    const boxes = await Page.array(`downstream/${name}/boxes`);
    sets.set(name, {masks: await Regions.load(`downstream/${name}`), boxes: boxes.values});
  }
  const hasTruth = Page.has('downstream/truth/windows');
  if (hasTruth) sets.set('truth', {masks: await Regions.load('downstream/truth'), boxes: null});
  const isCut = (name) => content.sets.some((set) => set.name === name && set.carried < set.all);

  bench.append(await images(),
    Draw.drawer('This image in numbers', table(), ...notes()),
    Draw.drawer('How far rounding moves the edges of the boxes', await shifts()));

  /** A line per operator. */
  function table() {
    const first = operators[0].name;
    const heads = ['operator', 'detections', `matched with ${first}`, 'mean IoU of these'];
    if (hasTruth) {
      heads.push('matching the truth at IoU 0.5', 'at 0.75', 'not matching',
        'mean IoU of the matching', 'best IoU per object', 'area relative to the truth’s');
    }
    const rows = operators.map(({name, detections, matched, overlap, truth}, index) => {
      const cells = [detections, index ? matched : '', index ? overlap.toFixed(3) : ''];
      if (truth) {
        cells.push(truth.matchedAtHalf, truth.matchedAtThreeQuarters, truth.unmatchedAtHalf,
          truth.meanOfMatched.toFixed(3), truth.meanOfBest.toFixed(3),
          truth.meanAreaRatio.toFixed(2));
      }
      return element('tr', {'data-operator': name}, element('th', {scope: 'row'}, name),
        ...cells.map((cell) => element('td', {class: 'figure'}, String(cell))));
    });
    return element('div', {class: 'scroller', tabindex: 0, role: 'region',
      'aria-label': 'The operators in numbers'},
    element('table', {class: 'operators'},
      element('thead', {}, element('tr', {}, ...heads.map((head, index) => (
        element('th', {scope: 'col', class: index ? 'figure' : null}, head))))),
      element('tbody', {}, ...rows)));
  }

  function notes() {
    const texts = ['IoU, intersection over union: the number of pixels in both masks, divided by '
      + 'the number in at least one. Masks are matched one to one, in descending order of score.'];
    if (hasTruth) {
      texts.push(`The truth holds ${operators[0].truth.objects} objects; the best IoU is averaged `
        + `over all of them, missed ones count 0. ${truthCaveat}`);
    }
    texts.push(caveat);
    const cut = content.sets.filter(({name}) => isCut(name));
    if (cut.length) {
      texts.push('The numbers above are of all masks. To keep the page small, the images below show '
        + 'at most the first 300 masks of each set, in descending order of score, and no more than '
        + `fit into 4,000,000 image pixels: ${cut.map(({name, carried, all}) => (
          `${carried} of the ${all} of ${named(name)}`)).join(', ')}.`);
    }
    return texts.map((text) => element('p', {class: 'note'}, text));
  }

  function named(name) {
    return name === 'truth' ? 'the truth' : name;
  }

  /** The image with the masks of two results, whole and about one object. */
  async function images() {
    const image = await Page.image();
    const [width, height] = Page.sizes.original;
    const names = [...sets.keys()];
    const choice = {first: names[1] ?? names[0], second: names[0], boxes: false, rank: 0};
    let pairs = [];
    const whole = new Plane({draw: (plane) => paint(plane, [0, 0], 1.5),
      label: 'The whole image with the masks of both results',
      names: {x: 'x, image pixels', y: 'y, image pixels'}});
    const near = new Plane({draw: paintNear,
      label: 'About one mask with the masks of both results'});
    const readout = element('div', {class: 'readout', 'aria-live': 'polite'});
    const rank = Controls.slider({label: 'Which mask, by ascending IoU', least: 1, greatest: 1, step: 1,
      value: 1, format: (value) => (pairs.length ? `${value} of ${pairs.length}` : 'none'),
      onInput: (value) => { choice.rank = value - 1; show(); }});
    const choose = (key, label) => Controls.select({label, value: choice[key],
      options: names.map((name) => [name, named(name)]),
      onChange: (value) => { choice[key] = value; match(); }});
    whole.canvas.addEventListener('click', (event) => {
      const [x, y] = whole.place(event);
      const inside = pairs.findIndex(({index}) => {
        const mask = sets.get(choice.first).masks[index];
        return x >= mask.x1 && x < mask.x2 && y >= mask.y1 && y < mask.y2
          && mask.inside[Math.floor(y - mask.y1) * (mask.x2 - mask.x1) + Math.floor(x - mask.x1)];
      });
      if (inside >= 0) turnTo(inside);
    });

    /**
     * The mask to begin with: the current object's, or if that has no partner or the first result
     * is not the trace's, the one that differs most from a partner that it has.
     */
    function telling() {
      const own = pairs.findIndex(({index}) => index === objectIn(choice.first));
      if (own >= 0 && pairs[own].partner >= 0) return own;
      return Math.max(0, pairs.findIndex(({partner}) => partner >= 0));
    }

    function match() {
      pairs = Regions.partners(sets.get(choice.first).masks, sets.get(choice.second).masks)
        .sort((p, q) => p.overlap - q.overlap || p.index - q.index);
      rank.input.max = Math.max(1, pairs.length);
      turnTo(telling());
      whole.show(width, height);
    }

    function turnTo(place) {
      choice.rank = place;
      rank.input.value = place + 1;
      rank.show();
      show();
    }

    function show() {
      const pair = pairs[choice.rank];
      if (!pair) {
        readout.textContent = `There are no masks of ${named(choice.first)} here.`;
        return;
      }
      const mask = sets.get(choice.first).masks[pair.index];
      const other = sets.get(choice.second).masks[pair.partner];
      readout.textContent = other
        ? `Mask ${pair.index} of ${named(choice.first)}, ${mask.area} image pixels, against mask `
          + `${pair.partner} of ${named(choice.second)}, ${other.area} image pixels: IoU `
          + `${pair.overlap.toFixed(3)}.`
        : `Mask ${pair.index} of ${named(choice.first)}, ${mask.area} image pixels, touches no mask of `
          + `${named(choice.second)}${isCut(choice.second) ? ' that is carried here' : ''}.`;
      readout.dataset.overlap = pair.overlap;
      const side = Math.max(mask.x2 - mask.x1, mask.y2 - mask.y1) * 1.6;
      near.corner = [(mask.x1 + mask.x2 - side) / 2, (mask.y1 + mask.y2 - side) / 2];
      near.show(side, side);
      whole.refresh();
    }

    function paintNear(plane) {
      if (plane.corner) paint(plane, plane.corner, 2.5);
    }

    /** Draws the image and both results' outlines, from a corner in pixels of the image. */
    function paint(plane, corner, thickness) {
      const {context, scale} = plane;
      context.save();
      context.scale(scale, scale);
      context.translate(-corner[0], -corner[1]);
      context.imageSmoothingEnabled = plane === whole;
      if (image) context.drawImage(image, 0, 0, width, height);
      for (const [which, colour, dash] of [['second', '#56b4e9', []], ['first', '#ffa62b', [3, 2]]]) {
        const {masks, boxes} = sets.get(choice[which]);
        context.strokeStyle = colour;
        context.setLineDash(plane === near ? dash.map((each) => 2 * each / scale) : []);
        const pair = pairs[choice.rank];
        const chosen = pair && (which === 'first' ? pair.index : pair.partner);
        masks.forEach((mask, index) => {
          const isFaint = plane === near && index !== chosen;
          context.globalAlpha = isFaint ? 0.5 : 1;
          context.lineWidth = thickness / (isFaint ? 2 : 1) / scale;
          context.stroke(Regions.outline(mask));
        });
        context.globalAlpha = 1;
        if (!choice.boxes || !boxes) continue;
        context.lineWidth = thickness / 2 / scale;
        for (let index = 0; index < boxes.length; index += 4) {
          const [x1, y1, x2, y2] = boxes.subarray(index, index + 4);
          context.strokeRect(x1, y1, x2 - x1, y2 - y1);
        }
      }
      const pair = pairs[choice.rank];
      if (plane === whole && pair) {
        const mask = sets.get(choice.first).masks[pair.index];
        context.setLineDash([]);
        context.strokeStyle = '#fff';
        context.lineWidth = 2 / scale;
        context.strokeRect(mask.x1 - 4, mask.y1 - 4, mask.x2 - mask.x1 + 8, mask.y2 - mask.y1 + 8);
      }
      context.restore();
    }

    const keys = element('ul', {class: 'keys'},
      element('li', {}, swatch('#ffa62b'), 'the first result'),
      element('li', {}, swatch('#56b4e9'), 'the second'));
    const body = Draw.columns(
      Draw.panel(whole.canvas,
        'All masks of both results. Click on a mask of the first to see it enlarged.'),
      Draw.panel(near.canvas, 'The chosen mask and its partner, enlarged: each square is a pixel. '
        + 'Others are thin. Here each mask is shown with the one that overlaps it most, which may '
        + 'serve several.'),
      element('div', {},
        Controls.row(choose('first', 'First result'), choose('second', 'Second result'), rank,
          Controls.toggle({label: 'Boxes too', value: false,
            onChange: (value) => { choice.boxes = value; whole.refresh(); near.refresh(); }})),
        keys, readout));
    match();
    Current.listen(() => turnTo(telling()));
    return body;
  }

  /** The detection of a result whose box is nearest to the current object's; -1 without one. */
  function objectIn(name) {
    const {boxes} = sets.get(name);
    if (Current.object < 0 || !boxes) return -1;
    const own = Current.objects.boxes[Current.object];
    let [best, least] = [-1, Infinity];
    for (let index = 0; index < boxes.length / 4; index++) {
      const apart = Math.max(...own.map((edge, side) => Math.abs(edge - boxes[4 * index + side])));
      if (apart < least) [best, least] = [index, apart];
    }
    return best;
  }

  function swatch(colour) {
    const sample = element('span', {class: 'swatch', 'aria-hidden': 'true'});
    sample.style.background = colour;
    return sample;
  }

  /** Histograms of the shifts, for the proposals of one level at a time. */
  async function shifts() {
    const {values} = await Page.array('downstream/shifts');
    const found = [...new Set(strides)].sort((p, q) => p - q);
    if (!found.length) {
      return element('p', {class: 'note'}, 'There are no proposals, so there are no edges to move.');
    }
    const place = element('div', {});
    const show = (stride) => {
      const members = strides.flatMap((each, index) => (each === stride ? [index] : []));
      const series = [
        {name: 'near', title: 'left and upper edges',
          values: members.flatMap((index) => [values[4 * index], values[4 * index + 1]])},
        {name: 'far', title: 'right and lower edges, whose last cell counts in full',
          values: members.flatMap((index) => [values[4 * index + 2], values[4 * index + 3]])}];
      const half = stride / 2;
      const size = series[0].values.reduce((sum, value) => sum + Math.abs(value), 0)
        / Math.max(series[0].values.length, 1);
      const most = Math.max(0, ...series[0].values.map(Math.abs));
      place.replaceChildren(
        Histogram.chart({series, range: [-stride, 2 * stride], step: stride / 8,
          bounds: [{at: -half, text: `−${half}`}, {at: half, text: `${half}`},
            {at: 3 * half, text: `${3 * half}`}],
          unit: 'shift, input pixels',
          label: `How far rounding moves edges on the level of stride ${stride}: left and upper `
            + `ones by up to ${most.toFixed(2)} input pixels`}),
        Histogram.legend(series),
        element('p', {class: 'note', 'data-most': most},
          `${members.length} proposals read from the level of stride ${stride}; to the right `
          + 'or down is positive. Rounding to the nearest cell can move '
          + `an edge by half a stride, ${half} input pixels, at most (dashed lines `
          + `at ±${half}): the left and upper edges moved by up to ${most.toFixed(2)}, by `
          + `${size.toFixed(2)} on average. The right and lower edges move by another whole cell, `
          + `because RoIPool counts the last cell in full: from ${half} to ${3 * half}. RoIAlign `
          + 'rounds no edge (its constant half cell is not counted here).'));
    };
    show(found[0]);
    if (found.length < 2) return place;
    return element('div', {}, Controls.row(Controls.select({label: 'Level, by its stride',
      options: found.map((stride) => [stride, `${stride} input pixels`]), value: found[0],
      onChange: (value) => show(Number(value))})), place);
  }
});
