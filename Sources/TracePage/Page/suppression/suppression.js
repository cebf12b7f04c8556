'use strict';

Page.exhibit('suppression', async (bench, content) => {
  const ledger = await Candidates.load(content);
  const image = await Page.image();
  const size = Page.sizes.resized;
  const {fate} = Candidates;
  /** Margins around the boxes that are shown, in shares of their size: the film shows neighbours. */
  const [CLOSE, WIDE] = [0.3, 1.2];
  const styleOf = [
    Scene.styles.kept, Scene.styles.suppressed, Scene.styles.dropped, Scene.styles.dropped,
    Scene.styles.dropped, Scene.styles.beyondLimit,
  ];
  const {element} = Draw;
  const fixed = (value, digits = 2) => value.toFixed(digits);
  const called = (place) => `candidate ${ledger.index[place]}`;
  const pixels = (value) => Numbers.many(Math.round(value));
  const traced = outcome(content.nmsThreshold);
  let now = traced;
  let chosen = -1;
  let shown = [];
  let filter = {level: 'all', fate: 'all'};

  /** Whom suppression at a threshold leaves: by whom each is suppressed, and what becomes of it. */
  function outcome(threshold) {
    const start = performance.now();
    const {by, iou} = Candidates.suppress(ledger, threshold);
    const time = performance.now() - start;
    const fates = ledger.fates.slice(0, ledger.considered);
    let survivors = 0;
    for (const place of ledger.order) {
      fates[place] = by[place] >= 0 ? fate.suppressed
        : survivors++ < ledger.postNMSTopN ? fate.kept : fate.beyondLimit;
    }
    return {threshold, by, iou, fates, time};
  }

  const lives = ({fates}, place) => fates[place] === fate.kept || fates[place] === fate.beyondLimit;
  const revived = (place) => lives(now, place) && traced.fates[place] === fate.suppressed;
  const felled = (place) => lives(traced, place) && now.fates[place] === fate.suppressed;
  const isShown = (place) =>
    (filter.level === 'all' || ledger.levelOf[place] === Number(filter.level))
    && (filter.fate === 'all' || (filter.fate === 'revived' ? revived(place)
      : filter.fate === 'felled' ? felled(place) : now.fates[place] === Number(filter.fate)));

  // ---- the image of all, and the detail of one ----

  const whole = Draw.canvas((context, ...extent) => {
    const unit = Scene.backdrop(context, extent, {image, size, dim: 0.35});
    const many = shown.length > 300;
    context.globalAlpha = many ? 0.6 : 1;
    for (const place of [...shown].reverse()) {
      Scene.box(context, Candidates.box(ledger, place), styleOf[now.fates[place]], unit,
        {width: many ? 0.8 : 1.2});
    }
    context.globalAlpha = 1;
    related(context, unit);
  }, {aspect: size[0] / size[1], class: 'pickable',
    label: 'The image with the candidates that are listed below, outlined by fate'});

  const film = Cluster.film(ledger, () => {
    close.caption.textContent = 'White: not decided yet. Solid: kept, thick in this step. Dashed '
      + 'orange: suppressed.';
    detail.redraw();
  });
  const detail = Draw.canvas((context, ...extent) => {
    if (chosen < 0) return;
    const unit = Scene.backdrop(context, extent,
      {image, size, region: region(film.isShown ? WIDE : CLOSE), dim: 0.2});
    if (film.isShown) {
      film.draw(context, unit);
      return;
    }
    if (now.by[chosen] >= 0) shade(context, chosen, now.by[chosen]);
    related(context, unit, 2);
    Scene.tag(context, `${ledger.index[chosen]}`, Candidates.box(ledger, chosen),
      styleOf[now.fates[chosen]], unit, true);
    if (now.by[chosen] >= 0) {
      Scene.tag(context, `${ledger.index[now.by[chosen]]} · IoU ${now.iou[chosen].toFixed(2)}`,
        Candidates.box(ledger, now.by[chosen]), Scene.styles.kept, unit);
    }
  }, {label: 'The chosen candidate and those it had to do with, enlarged'});

  /** The part of the image around the chosen candidate and those it had to do with. */
  function region(margin) {
    const others = now.by[chosen] >= 0 ? [now.by[chosen]] : victims(chosen).slice(0, 200);
    return Scene.around([chosen, ...others].map((each) => Candidates.box(ledger, each)), {margin});
  }

  /** What a candidate suppressed, the best first. */
  function victims(place) {
    const found = [];
    now.by.forEach((winner, other) => { if (winner === place) found.push(other); });
    return found;
  }

  /** The chosen candidate's outline, with its suppressor's or those of what it suppressed. */
  function related(context, unit, width = 1.6) {
    if (chosen < 0) return;
    for (const victim of victims(chosen)) {
      Scene.box(context, Candidates.box(ledger, victim), Scene.styles.suppressed, unit);
    }
    const winner = now.by[chosen];
    if (winner >= 0) {
      Scene.box(context, Candidates.box(ledger, winner), Scene.styles.kept, unit,
        {width, halo: true});
    }
    Scene.box(context, Candidates.box(ledger, chosen), styleOf[now.fates[chosen]], unit,
      {width: width + 0.6, halo: true});
  }

  /** Fills what two boxes share. */
  function shade(context, a, b) {
    const [p, q] = [Candidates.box(ledger, a), Candidates.box(ledger, b)];
    const [x, y] = [Math.max(p[0], q[0]), Math.max(p[1], q[1])];
    context.fillStyle = 'rgb(255 255 255 / 0.45)';
    context.fillRect(x, y, Math.min(p[2], q[2]) - x, Math.min(p[3], q[3]) - y);
  }

  /** How much of the image a box covers. */
  function covered(place) {
    const [x1, y1, x2, y2] = Candidates.box(ledger, place);
    return (x2 - x1) * (y2 - y1);
  }

  let lastPoint = [-1, -1];
  let turn = 0;
  whole.addEventListener('click', (event) => {
    const frame = whole.getBoundingClientRect();
    const unit = size[0] / frame.width;
    const point = [(event.clientX - frame.left) * unit, (event.clientY - frame.top) * unit];
    const under = shown.filter((place) => {
      const [x1, y1, x2, y2] = Candidates.box(ledger, place);
      return point[0] >= x1 && point[0] <= x2 && point[1] >= y1 && point[1] <= y2;
    }).sort((a, b) => covered(a) - covered(b) || a - b);
    const isSame = Math.hypot(point[0] - lastPoint[0], point[1] - lastPoint[1]) < 4 * unit;
    turn = isSame ? turn + 1 : 0;
    lastPoint = point;
    if (under.length) choose(under[turn % under.length]);
  });

  const close = Draw.panel(detail);
  const overview = Draw.panel(whole,
    'A click chooses the smallest box under the pointer; more clicks at the same spot go on to '
    + 'the next larger ones.');

  // ---- text ----

  const sentence = element('p', {class: 'readout', 'aria-live': 'polite'});
  const toWinner = Controls.button({
    label: 'Choose its suppressor', onClick: () => choose(now.by[chosen]),
  });
  const follow = Controls.button({
    label: 'Follow it through all stages ↓',
    onClick: () => {
      document.dispatchEvent(new CustomEvent('candidate', {detail: chosen}));
      const heading = document.getElementById('biography-heading');
      if (!heading) return;
      heading.tabIndex = -1;
      heading.focus({preventScroll: true});
      heading.scrollIntoView();
    },
  });

  function describe(place) {
    const level = Candidates.level(ledger, place).name;
    const subject = `Candidate ${ledger.index[place]} (${level}, score `
      + `${score(place, now.by[place])})`;
    const threshold = fixed(now.threshold);
    const taken = victims(place).length;
    const took = taken === 0 ? 'It suppressed no other.'
      : `It suppressed ${taken} other${taken > 1 ? 's' : ''}, outlined with dashes.`;
    switch (now.fates[place]) {
      case fate.suppressed: {
        const winner = now.by[place];
        const {intersection, union, iou} = Suppression.overlap(ledger.boxes, winner, place);
        const relation = ledger.scores[winner] > ledger.scores[place] ? 'higher' : 'as high';
        return `${subject} is suppressed by ${called(winner)}, whose score is ${relation} `
          + `(${score(winner, place)}): IoU ${short(iou, now.threshold)} > ${threshold}. `
          + `They share ${pixels(Units.area(intersection))} square ${Units.name} (filled in the `
          + `detail) of the ${pixels(Units.area(union))} that at least one of them covers.`;
      }
      case fate.clippedAway: return `${subject} lay outside the image and was dropped.`;
      case fate.tooSmall:
        return `${subject} had a side under ${ledger.minimumSize} input pixels and was dropped.`;
      case fate.beyondLimit:
        return `${subject} is not suppressed, but ${ledger.postNMSTopN} others of all levels `
          + `have higher scores, and no more become proposals. ${took}`;
      default:
        return `${subject} is kept: no better candidate of ${level} that is kept has an IoU with `
          + `it over ${threshold}. ${took}`;
    }
  }

  /** At another threshold the suppressor of the trace may be suppressed itself. */
  function fallen(place) {
    const before = traced.by[place];
    if (before < 0 || now.by[before] < 0) return '';
    return ` Its suppressor in the trace, ${called(before)}, is itself suppressed at this `
      + 'threshold.';
  }

  /** A score in so many digits that it is seen to differ from another's, and from 1. */
  function score(place, other) {
    const own = ledger.scores[place];
    const rival = other >= 0 ? ledger.scores[other] : own;
    return Numbers.enough(own, 4, (text, digits) => (own === 1 || Number(text) < 1)
      && (own === rival || text !== fixed(rival, digits)));
  }

  /** An IoU in so many digits that it is seen to be over the threshold. */
  function short(value, threshold) {
    return Numbers.enough(value, 2, (text) => Number(text) > threshold);
  }

  function choose(place) {
    chosen = place;
    if (!isShown(place)) {
      filter = {level: 'all', fate: 'all'};
      levelControl.input.value = fateControl.input.value = 'all';
      list.show(refreshShown());
    }
    list.choose(place);
    tell();
  }

  function tell() {
    sentence.textContent = describe(chosen) + fallen(chosen);
    sentence.dataset.candidate = ledger.index[chosen];
    sentence.dataset.by = now.by[chosen] >= 0 ? ledger.index[now.by[chosen]] : '';
    toWinner.disabled = now.by[chosen] < 0;
    close.caption.textContent = now.by[chosen] >= 0
      ? `Thick and dashed: the chosen candidate. Solid: its suppressor. Filled: what they share.`
      : `Thick: the chosen candidate. Dashed: what it suppressed (${victims(chosen).length}).`;
    // The film is of the trace's own threshold.
    film.element.hidden = now.threshold !== content.nmsThreshold;
    film.reset(chosen, region(WIDE));
    whole.redraw();
    detail.redraw();
  }

  // ---- list, filters, threshold ----

  const list = PagedList.make({
    label: 'Candidates', name: (place) => String(ledger.index[place]), onChoose: choose,
    columns: [
      {title: 'score', plural: 'scores', text: (place) => score(place, -1),
        value: (place) => ledger.scores[place]},
      {title: 'candidate', plural: 'numbers', text: (place) => ledger.index[place],
        value: (place) => ledger.index[place]},
      {title: 'level', text: (place) => Candidates.level(ledger, place).name},
      {title: 'fate', text: (place) => Candidates.names[now.fates[place]]},
      {title: 'by', className: 'wide',
        text: (place) => now.by[place] >= 0 ? ledger.index[now.by[place]] : ''},
      {title: 'IoU', plural: 'IoU',
        text: (place) => now.by[place] >= 0 ? fixed(now.iou[place], 3) : '',
        value: (place) => now.by[place] >= 0 ? now.iou[place] : NaN},
    ],
  });

  function refreshShown() {
    shown = [];
    for (let place = 0; place < ledger.considered; place++) if (isShown(place)) shown.push(place);
    return shown;
  }

  function refresh() {
    list.show(refreshShown());
    tell();
    count();
  }

  const levelControl = Controls.select({
    label: 'Level', value: 'all',
    options: [['all', 'all levels'], ...ledger.levels.map((level) =>
      [String(level.number), `${level.name}, stride ${level.stride[1]}`])],
    onChange: (value) => { filter.level = value; refresh(); },
  });
  const present = new Set(ledger.fates.subarray(0, ledger.considered));
  const fateControl = Controls.select({
    label: 'Fate', value: 'all',
    options: [['all', 'all fates'],
      ...[fate.kept, fate.suppressed, fate.beyondLimit, fate.tooSmall, fate.clippedAway]
        .filter((each) => each === fate.kept || each === fate.suppressed
          || each === fate.beyondLimit || present.has(each))
        .map((each) => [String(each), Candidates.names[each]]),
      ['revived', 'kept only at this threshold'], ['felled', 'suppressed only at this threshold']],
    onChange: (value) => { filter.fate = value; refresh(); },
  });
  let pending = 0;
  const threshold = Controls.slider({
    label: 'IoU threshold', least: 0, greatest: 1, step: 0.01, value: content.nmsThreshold,
    format: (value) => fixed(value),
    onInput: () => {
      pending ||= requestAnimationFrame(() => {
        pending = 0;
        now = outcome(threshold.input.valueAsNumber);
        refresh();
      });
    },
  });
  const reset = Controls.button({
    label: `Back to the trace’s ${content.nmsThreshold}`,
    onClick: () => {
      threshold.input.value = content.nmsThreshold;
      threshold.show();
      now = traced;
      refresh();
    },
  });

  const counts = element('table', {class: 'counts'});
  const change = element('p', {class: 'readout', 'aria-live': 'polite'});

  /** How many of each level live, and who changed against the trace. */
  function count() {
    const rows = ledger.levels.map(({name}) => ({name, all: 0, suppressed: 0, lives: 0, kept: 0}));
    const rowOf = new Map(ledger.levels.map(({number}, index) => [number, rows[index]]));
    let [alive, dead] = [0, 0];
    for (let place = 0; place < ledger.considered; place++) {
      const row = rowOf.get(ledger.levelOf[place]);
      row.all++;
      row.suppressed += now.fates[place] === fate.suppressed;
      row.lives += lives(now, place);
      row.kept += now.fates[place] === fate.kept;
      alive += revived(place);
      dead += felled(place);
    }
    const total = rows.reduce((sum, row) => Object.fromEntries(
      Object.keys(row).map((key) => [key, key === 'name' ? 'all' : sum[key] + row[key]])));
    const titles = ['level', 'pre-NMS', 'suppressed', 'left', 'proposals'];
    counts.replaceChildren(
      element('thead', {}, element('tr', {},
        ...titles.map((title) => element('th', {scope: 'col'}, title)))),
      element('tbody', {}, ...[...rows, total].map((row) => element('tr', {'data-level': row.name},
        element('th', {scope: 'row'}, row.name),
        ...['all', 'suppressed', 'lives', 'kept'].map((key) => element('td', {}, row[key]))))));
    const against = `the trace’s threshold ${content.nmsThreshold}`;
    change.textContent = now.threshold === content.nmsThreshold
      ? `At ${against}, ${total.suppressed} are suppressed and ${total.lives} are not; the `
        + `${total.kept} best become proposals.`
      : `At ${fixed(now.threshold)}, ${total.suppressed} are suppressed and ${total.lives} are `
        + `not. Compared with ${against}: ${alive} fewer suppressed, ${dead} more suppressed.`;
    Object.assign(change.dataset, {alive, dead, kept: total.kept, time: now.time.toFixed(2)});
  }

  const legend = Scene.legend([
    [Scene.styles.kept, 'kept: a proposal'], [Scene.styles.suppressed, 'suppressed'],
    [Scene.styles.beyondLimit, 'not suppressed, beyond the limit'],
    ...present.has(fate.tooSmall) || present.has(fate.clippedAway)
      ? [[Scene.styles.dropped, 'too small or outside']] : [],
  ]);
  bench.append(
    Controls.row(levelControl, fateControl, threshold, reset),
    Draw.columns(overview, close, element('div', {}, sentence, Controls.row(toWinner, follow), film.element,
      change, legend)),
    Draw.drawer('All candidates as a list, and counts of each level',
      Draw.panels(list, element('div', {}, counts))));

  Units.listen(tell);
  const found = () => ledger.placeOf.get(Current.candidate);
  Current.listen(() => { if (found() !== undefined) choose(found()); });
  chosen = found() ?? first();
  filter.level = levelControl.input.value = String(ledger.levelOf[chosen]);
  refresh();
  list.choose(chosen);

  /** What is chosen to begin with: a likely object, suppressed by a box that differs visibly. */
  function first() {
    const likely = [...ledger.order].filter((place) => now.by[place] >= 0);
    const clear = likely.find((place) => now.iou[place] < content.nmsThreshold + 0.1);
    return clear ?? likely[0] ?? 0;
  }
});
