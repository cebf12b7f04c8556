'use strict';

Page.exhibit('masks', async (bench, content) => {
  const masks = await Paste.load(content);
  const image = await Page.image();
  const size = Page.sizes.original;
  const {cells, count} = masks;
  const area = cells * cells;
  const names = Heads.named(masks.classNames);
  const nameOf = (label) => names[label] ?? `class ${label}`;
  const own = (index) => masks.own.subarray(index * area, (index + 1) * area);
  const boxOf = (index) => [...masks.boxes.subarray(4 * index, 4 * index + 4)];
  const share = Heatmap.scale({least: 0, greatest: 1});
  /** Three digits, or more where three would make it the 1 that no score reaches. */
  const {score} = Numbers;
  const {element} = Draw;
  const place = ({x1, y1, x2, y2}) => `columns ${x1} to ${x2 - 1}, rows ${y1} to ${y2 - 1}`;
  let chosen = 0;
  let threshold = masks.threshold;

  if (!count) {
    bench.append(element('p', {class: 'note'}, 'Nothing was detected, so there are no masks.'));
    return;
  }

  // ---- the sheet ----

  const sheet = element('div', {class: 'sheet', role: 'listbox',
    'aria-label': 'Detections by descending score; arrow keys move among them'});
  const found = new Set(masks.labels);
  const legend = element('p', {class: 'note'}, `${count} detections by descending score`
    + (found.size === 1 ? `, all of them ${nameOf(masks.labels[0])}` : '')
    + `. Under each its number and its score.`);
  const tiles = Array.from({length: count}, (_, index) => {
    const words = `Detection ${index}: ${nameOf(masks.labels[index])}, score `
      + score(masks.scores[index]);
    const image = crop([boxOf(index)], (context, unit) => Scene.outline(context, unit, () =>
      Paste.outline(context, Paste.detection(masks, index), masks.threshold)),
    {waits: true, 'aria-hidden': 'true'});
    const tile = element('div', {class: 'tile', role: 'option', 'aria-label': words, title: words},
      image, element('span', {}, `${index} · ${score(masks.scores[index])}`));
    if (found.size > 1) tile.append(element('span', {class: 'class'}, nameOf(masks.labels[index])));
    tile.addEventListener('click', () => pick(index));
    return tile;
  });
  sheet.append(...tiles);
  sheet.addEventListener('keydown', (event) => {
    const across = tiles.filter((tile) => tile.offsetTop === tiles[0].offsetTop).length;
    const step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across,
      Home: -count, End: count}[event.key];
    if (step === undefined) return;
    event.preventDefault();
    pick(Math.min(Math.max(chosen + step, 0), count - 1));
    tiles[chosen].focus({preventScroll: true});
    tiles[chosen].scrollIntoView({block: 'nearest'});
  });

  /** The reader chose a detection: all exhibits follow. */
  function pick(index) {
    choose(index);
    Current.choose(index, 'masks');
  }

  /** A crop of the image around boxes, with something drawn over it. */
  function crop(boxes, draw, {dim = 0, ...options}) {
    return Draw.canvas((context, ...extent) => {
      const region = Scene.around(boxes, {margin: 0.25, least: 12});
      draw(context, Scene.backdrop(context, extent, {image, size, region, dim}));
    }, options);
  }

  // ---- one detection: a mask for each class ----

  const title = element('h4', {class: 'title', 'aria-live': 'polite'});
  const classesTable = element('table', {class: 'classes'});
  const comparison = element('p', {class: 'readout'});
  const scales = element('div', {class: 'scales'});

  function showClasses() {
    const labels = [...masks.classes.subarray(chosen * masks.shown, (chosen + 1) * masks.shown)];
    const label = masks.labels[chosen];
    let other = chosen * (masks.shown - 1);
    const logits = labels.map((each) => each === label ? own(chosen)
      : masks.others.subarray(other * area, ++other * area));
    const sigmoids = logits.map(Paste.probabilities);
    const softmaxes = Paste.softmax(logits);
    const reach = Math.max(...logits.map((mask) => {
      const {least, greatest} = Heatmap.range(mask);
      return Math.max(-least, greatest);
    }));
    const logitScale = Heatmap.scale({least: -reach, greatest: reach});
    const over = (values) => values.reduce((sum, value) => sum + (value > 0.5), 0);
    const cell = (name, values, index, scale) => {
      const amount = scale === share ? over(values) : null;
      const drawn = Heatmap.square(values, cells, scale, `${name} of ${nameOf(labels[index])}`);
      return element('td', {class: labels[index] === label ? 'own' : null, 'data-over': amount},
        drawn, ...amount === null ? [] : [element('span', {}, `${amount} over 0.5`)]);
    };
    classesTable.style.setProperty('--classes', labels.length);
    classesTable.replaceChildren(
      element('thead', {}, element('tr', {}, element('td'), ...labels.map((each) => (
        element('th', {scope: 'col'}, nameOf(each),
          ...each === label ? [element('strong', {}, ' (its class)')] : []))))),
      element('tbody', {}, ...[['logit z', logits, logitScale], ['sigmoid of z', sigmoids, share],
        ['softmax over the classes', softmaxes, share]].map(([name, all, scale]) => (
        element('tr', {}, element('th', {scope: 'row'}, name),
          ...all.map((values, index) => cell(name, values, index, scale)))))));
    scales.replaceChildren(Heatmap.legend(logitScale, 'logit'), Heatmap.legend(share, 'probability'));
    const at = labels.indexOf(label);
    const [alone, against] = [over(sigmoids[at]), over(softmaxes[at])];
    comparison.textContent = `${nameOf(label)}, cells over 0.5: ${alone} by the sigmoid, ${against} `
      + `by a softmax over the ${masks.shown} masks.`;
  }

  // ---- one detection: paste-back ----

  const steps = element('div', {class: 'panels steps'});
  const numbers = element('p', {class: 'readout', 'aria-live': 'polite'});
  const slider = Controls.slider({
    label: 'Threshold', least: 0, greatest: 1, step: 0.01, value: threshold,
    format: (value) => value.toFixed(2),
    onInput: (value) => { threshold = value; showThreshold(); },
  });
  let result;

  function showPaste() {
    const pasted = Paste.detection(masks, chosen);
    const {grown, rows, columns, window} = pasted;
    const box = boxOf(chosen);
    const [x1, y1, x2, y2] = grown.cut;
    const tuple = (edges) => `(${edges.map(Numbers.pixels).join(', ')})`;
    const around = [[x1, y1, x2, y2]];
    const soft = pasted.soft.length ? Heatmap.image(
      pasted.soft, window.y2 - window.y1, window.x2 - window.x1, share) : null;
    result = crop(around, (context, unit) => Scene.outline(context, unit, () =>
      Paste.outline(context, pasted, threshold)),
    {label: 'The outline of the pixels over the threshold, over the image'});
    steps.replaceChildren(
      Draw.panel(
        Heatmap.square(Paste.probabilities(own(chosen)), cells, share, 'Probabilities'),
        `1. ${cells} × ${cells} probabilities: the sigmoid of its class’s logits.`),
      Draw.panel(
        Heatmap.square(pasted.bordered, cells + 2, share, 'Probabilities with a border of zeros'),
        `2. A border of one 0 on every side, ${cells + 2} × ${cells + 2}: interpolation at the `
        + `edge then goes down to 0.`),
      Draw.panel(crop(around, (context, unit) => {
        Scene.box(context, grown.edges, Scene.styles.beyondLimit, unit, {halo: true});
        Scene.box(context, box, Scene.styles.suppressed, unit, {halo: true});
        Scene.box(context, [x1, y1, x2, y2], Scene.styles.kept, unit);
      }, {label: 'The box, the grown box and the whole pixels'}),
      `3. The box ${tuple(box)} (dashed) grown by ${cells + 2} / ${cells} to `
        + `${tuple(grown.edges)} (dotted), then cut to whole pixels: ${columns} × ${rows} of `
        + `them (solid).`),
      Draw.panel(crop(around, (context) => {
        context.imageSmoothingEnabled = false;
        if (soft) context.drawImage(soft, window.x1, window.y1);
      }, {dim: 0.4, label: 'The probabilities at every pixel of the window'}),
      `4. The bordered mask resized to these pixels, bilinearly; what lies outside the image is `
        + `cut off: ${place(window)}.`),
      Draw.panel([result, element('div', {class: 'reading'}, Controls.row(slider), numbers)],
        '5. The pixels with a probability over the threshold.'));
    showThreshold();
  }

  function showThreshold() {
    const pasted = Paste.detection(masks, chosen);
    const pixels = Paste.area(pasted.soft, threshold);
    const traced = Paste.area(pasted.soft, masks.threshold);
    numbers.textContent = `${Numbers.many(pixels)} pixels have a probability over ${threshold.toFixed(2)}`
      + (threshold === masks.threshold ? ', the trace’s threshold.'
        : `; over the trace’s threshold, ${masks.threshold}, ${Numbers.many(traced)} have.`);
    Object.assign(numbers.dataset, {detection: chosen, area: pixels});
    result.redraw();
  }

  function choose(index) {
    chosen = index;
    tiles.forEach((tile, each) => {
      tile.tabIndex = each === index ? 0 : -1;
      tile.setAttribute('aria-selected', each === index);
    });
    title.textContent = `Detection ${index}: ${nameOf(masks.labels[index])}, score `
      + score(masks.scores[index]);
    showClasses();
    showPaste();
  }

  const limits = [];
  if (masks.detections > count) {
    limits.push(`This page carries the masks of the ${count} best of ${masks.detections} detections.`);
  }
  const classCount = content.classes;
  if (classCount > masks.shown) {
    limits.push(`Of ${classCount} classes the ${masks.shown} with the highest scores are shown, and `
      + `softmax is taken over these.`);
  }
  limits.push('The logits of the other classes are rounded to three digits here.');

  bench.append(
    legend, sheet, title, steps,
    Draw.drawer('A mask for every class: why sigmoid, not softmax', element('p', {}, 'The mask head gives every detection a mask per class, and the class score '
      + 'decides which of them is used. The sigmoid takes one mask by itself: is this cell part of '
      + 'the object, if it is of this class? Softmax would make the classes compete in every cell: '
      + 'where the mask of another class has a high logit too, the object’s own mask loses cells. '
      + 'Masks of other classes often look like the object too, because they were never trained on '
      + 'objects of this class; that of the background was never trained at all. '
      + 'The paper trained one network with each: mask AP 30.3 with the sigmoid, 24.8 with softmax '
      + '(table 2b).'),
    element('div', {class: 'scroller'}, classesTable), scales, comparison),
    element('p', {class: 'note'}, limits.join(' ')));
  Current.listen((object) => {
    if (object === chosen || object >= count) return;
    choose(object);
    sheet.scrollTop = tiles[object].offsetTop - sheet.offsetTop - sheet.clientHeight / 2;
  });
  choose(Math.min(Math.max(Current.object, 0), count - 1));
});
