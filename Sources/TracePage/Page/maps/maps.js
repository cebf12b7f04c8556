'use strict';

Page.exhibit('maps', async (bench, {maps, fields, headReach}) => {
  bench.classList.add('maps');
  const [inputWidth, inputHeight] = Page.sizes.padded;
  const image = await Page.image();
  const {element} = Draw;

  // The cursor is a place in the input, so that it stays where it is when the map changes.
  const state = {
    map: maps.find((map) => map.name === 'P2') ?? maps[0],
    channel: 0, x: inputWidth / 2, y: inputHeight / 2, isHeld: false, showsField: false,
  };

  const stride = () => 2 ** state.map.level;

  /** The cell under the cursor. */
  function cell() {
    const {rows, columns} = state.map;
    return {
      row: Math.min(Math.max(Math.floor(state.y / stride()), 0), rows - 1),
      column: Math.min(Math.max(Math.floor(state.x / stride()), 0), columns - 1),
    };
  }

  function valueAt(row, column) {
    return state.values[row * state.map.columns + column];
  }

  /** Three digits. */
  function three(value) {
    return value === 0 ? '0' : Numbers.minus(value.toPrecision(3));
  }

  /** The probability of a logit: three digits, or more where three would make it 1. */
  function probability(logit) {
    const [share] = Page.network.sigmoid([logit]);
    return share > 0.999 ? Numbers.score(share) : three(share);
  }

  /** Digits as far as they are known: maps that are only looked at travel with fewer. */
  function number(value) {
    return state.map.channels[state.channel].isExact ? Numbers.short(value) : three(value);
  }

  // Colours

  /**
   * The scale of a channel. A few strong cells would leave the rest without contrast, so it ends
   * where the strongest 0.2 % begin; that of logits ends at ±8, probabilities of 0.0003 and 0.9997.
   */
  function scaleOf(values) {
    if (state.map.kind === 'objectness') return Heatmap.scale({least: -8, greatest: 8});
    const sorted = Float32Array.from(values).sort();
    const cut = Math.floor(sorted.length * 0.002);
    const [least, greatest] = [sorted[cut], sorted[sorted.length - 1 - cut]];
    return Heatmap.scale(sorted[0] < 0 ? {least: Math.min(least, -1e-9),
      greatest: Math.max(greatest, 1e-9)} : {least: 0, greatest: greatest || 1});
  }

  // The receptive field

  /** `[x1, y1, x2, y2]` of what the cell can depend on, not clipped; null where it is not known. */
  function fieldOf({row, column}) {
    if (fields.length !== 4) return null;
    if (state.map.kind === 'objectness' && headReach == null) return null;
    const along = (index, input) => Receptive.along({
      kind: state.map.kind, level: state.map.level, cell: index, sides: fields, headReach,
      extents: [4, 8, 16, 32].map((step) => input / step),
    });
    const [x1, x2] = along(column, inputWidth);
    const [y1, y2] = along(row, inputHeight);
    return [x1, y1, x2, y2];
  }

  const clipped = ([x1, y1, x2, y2]) => [Math.max(x1, 0), Math.max(y1, 0),
    Math.min(x2, inputWidth), Math.min(y2, inputHeight)];

  // Drawing

  function axisNames() {
    return {x: `x, ${Units.name}`, y: `y, ${Units.name}`};
  }

  const mapPlane = new Plane({names: {x: 'column', y: 'row'}, tabindex: 0, role: 'application',
    'aria-roledescription': 'heatmap', draw({context, scale}) {
      if (!state.image) return;
      const {rows, columns} = state.map;
      const {row, column} = cell();
      context.imageSmoothingEnabled = false;
      context.drawImage(state.image, 0, 0, columns * scale, rows * scale);
      mapPlane.outline([column, row, column + 1, row + 1], {least: 9});
    }});

  const imagePlane = new Plane({names: axisNames(), unit: Units.factor,
    label: 'The image with the cell outlined', draw({context, scale}) {
      const {row, column} = cell();
      const area = [column, row, column + 1, row + 1].map((place) => place * stride());
      context.fillStyle = Draw.colour('shade');
      context.fillRect(0, 0, inputWidth * scale, inputHeight * scale);
      const [width, height] = Page.sizes.resized;
      if (image) context.drawImage(image, 0, 0, width * scale, height * scale);
      const field = state.showsField && fieldOf({row, column});
      if (field) {
        const [x1, y1, x2, y2] = clipped(field);
        const shade = new Path2D();
        shade.rect(0, 0, inputWidth * scale, inputHeight * scale);
        shade.rect(x1 * scale, y1 * scale, (x2 - x1) * scale, (y2 - y1) * scale);
        context.fillStyle = 'rgb(0 0 0 / 0.55)';
        context.fill(shade, 'evenodd');
        imagePlane.outline([x1, y1, x2, y2], {colour: '#ffd166', dash: [6, 4]});
      }
      imagePlane.outline(area, {least: 9});
    }});

  /** So many cells to each side of the cursor, with their numbers. */
  const reach = 2;
  const nearPlane = new Plane({label: 'The cell and its neighbours', draw({context, scale}) {
    if (!state.image) return;
    const {row, column} = cell();
    context.font = `${Math.min(13, scale / 4)}px ${Draw.colour('sans')}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const [r, c] = [row + dy, column + dx];
        if (r < 0 || c < 0 || r >= state.map.rows || c >= state.map.columns) continue;
        const [x, y] = [(dx + reach) * scale, (dy + reach) * scale];
        const [red, green, blue] = Heatmap.colour(valueAt(r, c), state.scale);
        context.fillStyle = `rgb(${red} ${green} ${blue})`;
        context.fillRect(x, y, scale + 1, scale + 1);
        context.fillStyle = 0.3 * red + 0.6 * green + 0.1 * blue > 128 ? '#000' : '#fff';
        context.fillText(three(valueAt(r, c)), x + scale / 2, y + scale / 2);
      }
    }
    nearPlane.outline([reach, reach, reach + 1, reach + 1]);
  }});

  /** How many cells have which value, in the colours of the map. */
  const bins = 48;
  const countPlane = new Plane({label: 'How many cells have which value', draw({context, scale}) {
    if (!state.counts) return;
    const height = countPlane.extent[1] * scale;
    const most = Math.log1p(Math.max(...state.counts));
    const {least, greatest} = state.scale;
    for (let bin = 0; bin < bins; bin++) {
      const tall = (height - 14) * Math.log1p(state.counts[bin]) / most;
      context.fillStyle =
        Heatmap.css(least + (bin + 0.5) / bins * (greatest - least), state.scale);
      context.fillRect(bin * scale, height - tall, scale + 0.5, tall);
    }
    const {row, column} = cell();
    const x = (binOf(valueAt(row, column)) + 0.5) * scale;
    context.fillStyle = Draw.colour('ink');
    context.beginPath();
    context.moveTo(x, 10);
    context.lineTo(x - 5, 0);
    context.lineTo(x + 5, 0);
    context.fill();
    context.fillRect(x - 0.5, 10, 1, height);
  }});

  function binOf(value) {
    const {least, greatest} = state.scale;
    const share = (value - least) / (greatest - least);
    return Math.min(Math.max(Math.floor(share * bins), 0), bins - 1);
  }

  // Words

  const [words, more] = [element('p'), element('p', {class: 'note'})];
  const readout = element('div', {class: 'readout', 'aria-live': 'polite'}, words, more);

  function channelName() {
    const {label} = state.map.channels[state.channel];
    if (label.startsWith('mean')) return 'mean over the channels';
    return state.map.kind === 'objectness' ? label : `channel ${label}`;
  }

  function tell() {
    const {row, column} = cell();
    const value = valueAt(row, column);
    const side = stride();
    const isLogit = state.map.kind === 'objectness';
    words.textContent = `${state.map.name}, ${channelName()}: row ${row}, column ${column}, `
      + `which is ${Units.name} x ${Units.along(0, column * side)} to `
      + `${Units.along(0, (column + 1) * side)}, y ${Units.along(1, row * side)} to `
      + `${Units.along(1, (row + 1) * side)}. `
      + (isLogit ? `Logit ${number(value)}, probability ${probability(value)}.`
        : `Activation ${number(value)}.`);
    const field = fieldOf({row, column});
    Object.assign(readout.dataset, {map: state.map.name, row, column, value,
      array: state.map.channels[state.channel].array, field: field ?? ''});
    const notes = [];
    if (state.isHeld) notes.push('Held; click the map again or press Enter to let go.');
    if (column * side >= Page.sizes.resized[0] || row * side >= Page.sizes.resized[1]) {
      notes.push('This cell lies in the padding.');
    }
    if (state.showsField && field) {
      const [x1, y1, x2, y2] = field;
      const part = clipped(field).some((edge, index) => edge !== field[index])
        ? ', of which part lies outside' : '';
      const [left, right, width] = [x1, x2, x2 - x1].map((each) => Units.along(0, each));
      const [top, bottom, height] = [y1, y2, y2 - y1].map((each) => Units.along(1, each));
      notes.push(`It can depend on ${width} × ${height} ${Units.name}, `
        + `from (${left}, ${top}) to (${right}, ${bottom})${part}.`);
    }
    more.textContent = notes.join(' ');
  }

  function refresh() {
    mapPlane.refresh();
    imagePlane.refresh();
    nearPlane.refresh();
    countPlane.refresh();
    tell();
  }

  // Controls

  const mapChoice = Controls.select({
    label: 'Map', value: state.map.name,
    options: maps.map((map) => [map.name, `${map.name}: ${map.rows} × ${map.columns} cells`]),
    onChange: (name) => choose(maps.find((map) => map.name === name)),
  });
  const channelChoice = Controls.select({
    label: 'Channel', options: [], onChange: (index) => choose(state.map, Number(index)),
  });
  const fieldToggle = Controls.toggle({
    label: 'Outline the receptive field', value: false,
    onChange(value) {
      state.showsField = value;
      describe();
      refresh();
    },
  });
  fieldToggle.hidden = fields.length !== 4;

  // Panels

  const legend = element('div');
  const mapPanel = Draw.panel([mapPlane.canvas, legend]);
  const imagePanel = Draw.panel(imagePlane.canvas);
  const nearPanel = Draw.panel(nearPlane.canvas, 'The cell and its neighbours, in numbers.');
  const countPanel = Draw.panel(countPlane.canvas);
  nearPlane.show(2 * reach + 1, 2 * reach + 1);
  countPlane.show(bins, bins / 2);
  imagePlane.show(inputWidth, inputHeight);

  function describe() {
    const {map} = state;
    const {least, greatest} = state.scale;
    legend.replaceChildren(
      Heatmap.legend(state.scale, map.kind === 'objectness' ? 'logit' : 'activation'));
    const colours = map.kind === 'objectness'
      ? 'Red: the anchor more likely holds an object than not (logit above 0). Colours end at ±8.'
      : `${least < 0 ? 'Red is above 0, blue below.' : 'No value is negative: a ReLU came last.'} `
        + 'Colours end where the strongest 0.2 % begin.';
    mapPanel.caption.textContent = `${map.name}, ${channelName()}. ${colours}`;
    imagePanel.caption.textContent = `The network’s input, ${Units.along(0, inputWidth)} × `
      + `${Units.along(1, inputHeight)} ${Units.name}. White: the cell’s own `
      + `${Units.along(0, stride())} × ${Units.along(1, stride())} ${Units.name}.`
      + (state.showsField ? ' Yellow: all that it can depend on, by the sizes of the layers\' kernels. '
        + 'In practice the middle counts most.' : '');
    countPanel.caption.textContent = 'How many cells have which value (height: logarithm of the '
      + `number), from ${Numbers.short(least)} to ${Numbers.short(greatest)}; values beyond `
      + 'are counted at the ends. The mark is the cell.';
    mapPlane.canvas.setAttribute('aria-label', `${map.name}, ${channelName()}, ${map.rows} rows by `
      + `${map.columns} columns. Arrow keys move by a cell, with Shift by ten.`);
  }

  /** Shows a map, and a channel of it. */
  async function choose(map, channel = 0) {
    const {values} = await Page.array(map.channels[channel].array);
    Object.assign(state, {map, channel, values});
    state.scale = scaleOf(values);
    state.image = Heatmap.image(values, map.rows, map.columns, state.scale);
    state.counts = new Array(bins).fill(0);
    for (const value of values) state.counts[binOf(value)] += 1;
    channelChoice.input.replaceChildren(...map.channels.map(({label}, index) =>
      new Option(map.kind === 'objectness' || label.startsWith('mean') ? label
        : `${label} (${map.name} has ${map.of})`, index)));
    channelChoice.input.value = channel;
    describe();
    mapPlane.show(map.columns, map.rows);
    refresh();
  }

  Units.listen(() => {
    imagePlane.names = axisNames();
    describe();
    refresh();
  });

  // Moving the cursor

  function goTo(x, y) {
    state.x = Math.min(Math.max(x, 0), inputWidth - 1);
    state.y = Math.min(Math.max(y, 0), inputHeight - 1);
    refresh();
  }

  function hold(isHeld) {
    state.isHeld = isHeld;
    tell();
  }

  for (const [plane, factor] of [[mapPlane, stride], [imagePlane, () => 1]]) {
    const follow = (event) => {
      const [x, y] = plane.place(event);
      goTo(x * factor(), y * factor());
    };
    plane.canvas.addEventListener('pointermove', (event) => {
      // A finger that moves scrolls the page; a tap chooses.
      if (event.pointerType !== 'touch' && !state.isHeld) follow(event);
    });
    plane.canvas.addEventListener('click', (event) => {
      if (event.pointerType === 'mouse') hold(!state.isHeld);
      follow(event);
    });
  }

  const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  mapPlane.canvas.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' || event.key === ' ') {
      hold(!state.isHeld);
    } else if (event.key in steps) {
      const by = event.shiftKey ? 10 : 1;
      const {row, column} = cell();
      const [dx, dy] = steps[event.key];
      goTo((column + dx * by + 0.5) * stride(), (row + dy * by + 0.5) * stride());
    } else {
      return;
    }
    event.preventDefault();
  });

  bench.append(Controls.row(mapChoice, channelChoice, fieldToggle), readout,
    Draw.panels(mapPanel, imagePanel, element('div', {class: 'near'}, nearPanel, countPanel)));
  await choose(state.map);
  if (Current.object >= 0) {
    Current.listen(() => goTo(...Current.centre()));
    goTo(...Current.centre());
    return;
  }
  // Begin where the map answers most strongly.
  let strongest = 0;
  state.values.forEach((value, index) => {
    if (Math.abs(value) > Math.abs(state.values[strongest])) strongest = index;
  });
  goTo((strongest % state.map.columns + 0.5) * stride(),
    (Math.floor(strongest / state.map.columns) + 0.5) * stride());
});
