'use strict';

Page.exhibit('biography', async (bench, content) => {
  const world = {
    ledger: await Candidates.load(content.candidates), image: await Page.image(),
    roi: content.roi && {...content.roi, levels: (await Page.array('roi/levels')).values},
    heads: content.heads && await Heads.load(content.heads),
    masks: content.masks && await Paste.load(content.masks),
    learning: content.learning && await Learning.load(content.learning),
  };
  const {ledger, heads, image} = world;
  const size = Page.sizes.resized;
  const {element} = Draw;
  const styles = {
    kept: Scene.styles.kept, suppressed: Scene.styles.suppressed, anchor: Scene.styles.anchor,
    rival: Scene.styles.beyondLimit,
  };
  let place = 0;
  let pair;

  // ---- which candidate ----

  const stories = Stories.all(world);
  const story = Controls.select({
    label: 'A story', options: [...stories.map((each, index) => [String(index), each.title]),
      ['own', 'one of your choice']],
    onChange: (value) => { if (value !== 'own') follow(stories[value].place, stories[value].pair, true); },
  });
  const number = element('input', {type: 'number', min: 0, max: ledger.anchors - 1, step: 1});
  const entry = element('label', {class: 'control'}, element('span', {}, 'Candidate'), number);
  number.addEventListener('change', () => {
    const wanted = number.valueAsNumber;
    const found = ledger.placeOf.get(wanted);
    note.hidden = found !== undefined || Number.isNaN(wanted);
    const isOne = Number.isInteger(wanted) && wanted >= 0 && wanted < ledger.anchors;
    note.textContent = isOne ? notCarried : `Candidates go from 0 to ${ledger.anchors - 1}.`;
    if (found !== undefined) follow(found);
  });
  const random = (choices) => choices[Math.floor(Math.random() * choices.length)];
  const anyone = Controls.button({
    label: 'Any candidate', onClick: () => follow(Math.floor(Math.random() * ledger.count)),
  });
  const detections = Stories.detections(world);
  /** The candidate that became the current object; undefined without one. */
  const current = () => detections.find(({pair: each}) => (
    Life.pairOf(heads, each).detection === Current.object));
  const anyDetection = Controls.button({
    label: 'Any detection',
    onClick: () => { const found = random(detections); follow(found.place, found.pair, true); },
  });
  const pairs = Controls.select({
    label: 'Taken for', options: [], onChange: (value) => follow(place, Number(value)),
  });
  const note = element('p', {class: 'note', role: 'status', hidden: ''});
  const below = ledger.count - ledger.considered;
  const notCarried = `This page carries the ${ledger.preNMSTopN} highest logits of each level and `
    + `the next ones below, ${ledger.count} of ${Numbers.many(ledger.anchors)} candidates. `
    + `This number is not among them; 3-proposals/ledger.csv has them all.`;
  const carried = element('p', {class: 'note'}, 'Candidates are numbered as in ledger.csv. Carried '
    + `in this page: the ${Numbers.many(ledger.considered)} that were considered, and ${below} of `
    + 'those just below.');

  // ---- the timeline ----

  const summary = element('p', {class: 'readout', 'aria-live': 'polite'});
  const timeline = element('ol', {class: 'life scroller', tabindex: 0,
    'aria-label': 'Step by step'});
  const training = element('ol', {class: 'training scroller', tabindex: 0,
    'aria-label': 'In training'});
  const lessonsBelow = Draw.drawer('In training: its targets, losses and gradient', training);

  /** Tells a candidate's life; with `isChosen` all exhibits follow, where it became an object. */
  function follow(nextPlace, nextPair, isChosen = false) {
    place = nextPlace;
    const proposal = ledger.proposalOf[place];
    const choices = heads && proposal >= 0 ? Life.pairsOf(heads, proposal) : [];
    pair = nextPair ?? choices[0];
    note.hidden = true;
    number.value = ledger.index[place];
    const known = stories.findIndex((each) => each.place === place && (each.pair ?? pair) === pair);
    story.input.value = known >= 0 ? String(known) : 'own';
    pairs.hidden = choices.length < 2;
    pairs.input.replaceChildren(...choices.map((each) => {
      const {name, score} = Life.pairOf(heads, each);
      return new Option(`${name}, ${Numbers.score(score)}`, each, false, each === pair);
    }));
    const steps = Life.tell(world, place, pair);
    timeline.replaceChildren(...steps.map(item), ...unfinished(steps));
    const lessons = Learning.tell(world, place);
    training.replaceChildren(...lessons.map(item));
    lessonsBelow.hidden = lessons.length === 0;
    timeline.dataset.candidate = ledger.index[place];
    summary.textContent = `Candidate ${ledger.index[place]} ${outcome(steps)}`;
    timeline.scrollLeft = 0;
    if (isChosen && pair !== undefined) {
      Current.choose(Life.pairOf(heads, pair).detection, 'biography');
    }
  }

  /** What each stage made of the current object, in the chapter of the stage. */
  function fillSpine() {
    const life = current();
    if (!life) return;
    const steps = [...Life.tell(world, life.place, life.pair), ...Learning.tell(world, life.place)];
    for (const spine of document.querySelectorAll('.spine')) {
      // Where nothing happened to it there is nothing to tell.
      const own = steps.filter(({key, stage, ends, values}) => stage === spine.dataset.stage
        && key !== 'masking' && (key !== 'clipping' || values.isClipped)
        && (key !== 'filtering' || ends));
      spine.hidden = own.length === 0;
      spine.replaceChildren(element('h3', {}, `Object ${Current.object} in this stage`),
        ...own.map(({title, says, formulas}) => element('p', {},
          element('strong', {}, title.replace(/^In training: (.)/, (_, first) => first.toUpperCase())
            .replace(/[^?]$/, (end) => `${end}.`)), ` ${formulas.at(-1) ?? says.at(-1)}`)));
    }
  }

  /** The life in one sentence. */
  function outcome(steps) {
    const last = steps.at(-1);
    if (last.ends) return `ends at step ${steps.length} (${last.title}): ${last.says.at(-1)}`;
    const proposal = ledger.proposalOf[place];
    if (pair === undefined) return `becomes proposal ${proposal}.`;
    const {detection, name, score} = Life.pairOf(heads, pair);
    const mask = last.key === 'pasting' ? `, a mask of ${last.values.area} image pixels` : '';
    return `becomes proposal ${proposal}, then detection ${detection}: ${name}, score `
      + `${Numbers.score(score)}${mask}.`;
  }

  /** Where the trace itself ends before the life does. */
  function unfinished(steps) {
    const last = steps.at(-1);
    const words = last.ends || last.key === 'pasting' ? null
      : !world.roi ? 'stage 4 did not run on these proposals'
      : !heads ? 'stage 5 did not run on these proposals'
      : !world.masks ? 'stage 6 did not run on these detections'
      : `this page carries the masks of the ${world.masks.count} best detections only`;
    if (!words) return [];
    return [element('li', {class: 'open', 'data-step': 'open'},
      element('p', {}, `The later steps are not shown: ${words}.`))];
  }

  function item(step) {
    const words = element('div', {},
      element('h4', {}, step.title, ' ',
        element('a', {href: `#${step.stage}`, class: 'stage'}, step.stage)),
      ...step.says.map((each) => element('p', {}, each)),
      ...step.formulas.map((each) => element('p', {class: 'formula'}, each)));
    if (step.bars) words.append(bars(step.bars));
    if (step.ends) words.append(element('p', {class: 'end'}, 'It goes no further.'));
    return element('li', {'data-step': step.key, class: step.ends ? 'ends' : null},
      view(step), words);
  }

  function bars(entries) {
    return element('table', {class: 'bars'}, element('tbody', {},
      ...entries.map(({name, logit, score}) => element('tr', {},
        element('th', {scope: 'row'}, name),
        element('td', {}, `z = ${Numbers.short(logit)}`),
        element('td', {}, `score ${Numbers.score(score)}`),
        element('td', {class: 'share'},
          element('span', {class: 'bar', style: `width: ${100 * score}%`}))))));
  }

  // ---- small images ----

  /** The image beside a step: boxes over a crop, a mask, or where a rank lies. */
  function view(step) {
    if (step.key === 'objectness') return curve();
    if (step.key === 'masking') {
      return Heatmap.square(step.values.probabilities, step.cells,
        Heatmap.scale({least: 0, greatest: 1}),
        `The mask of ${step.cells} × ${step.cells} probabilities`);
    }
    if (step.key === 'pasting') return outlined(step);
    if (!step.boxes.length) return element('span');
    return Draw.canvas((context, ...extent) => {
      const region = Scene.around(step.boxes.map(([, box]) => box), {margin: 0.35});
      const unit = Scene.backdrop(context, extent, {image, size, region, dim: 0.1});
      for (const [style, box] of step.boxes) {
        if (style === 'cell') {
          context.fillStyle = 'rgb(108 182 255 / 0.55)';
          context.fillRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
        } else {
          Scene.box(context, box, styles[style], unit, {width: 2, halo: true});
        }
      }
      if (step.bins) grid(context, step.boxes[0][1], step.bins, unit);
    }, {label: `${step.title}: the boxes over the image`});
  }

  function grid(context, [x1, y1, x2, y2], bins, unit) {
    context.strokeStyle = Scene.styles.kept.colour;
    context.lineWidth = 0.6 * unit;
    context.beginPath();
    for (let line = 1; line < bins; line++) {
      const [x, y] = [x1 + line / bins * (x2 - x1), y1 + line / bins * (y2 - y1)];
      context.moveTo(x, y1);
      context.lineTo(x, y2);
      context.moveTo(x1, y);
      context.lineTo(x2, y);
    }
    context.stroke();
  }

  /** The scores of the level by descending rank, and the place of this candidate. */
  function curve() {
    const level = ledger.levelOf[place];
    const scores = [];
    ledger.levelOf.forEach((each, other) => {
      if (each === level) scores.push(ledger.scores[other]);
    });
    const rank = ledger.rankOf[place];
    const {colour} = Draw;
    return Draw.canvas((context, width, height) => {
      const [left, bottom, top] = [4, height - 16, 16];
      const x = (at) => left + (at - 1) / Math.max(1, scores.length - 1) * (width - 2 * left);
      const y = (score) => bottom - score * (bottom - top);
      context.font = `10px ${colour('sans')}`;
      context.fillStyle = context.strokeStyle = colour('soft');
      context.fillText('1', left, top - 5);
      context.fillText('score by rank', left + 4, bottom - 5);
      context.fillText('0', left, height - 4);
      context.textAlign = 'right';
      context.fillText(`rank ${scores.length}`, width - left, height - 4);
      context.strokeRect(left, top, width - 2 * left, bottom - top);
      if (scores.length > ledger.preNMSTopN) {
        context.setLineDash([3, 3]);
        context.beginPath();
        context.moveTo(x(ledger.preNMSTopN), top);
        context.lineTo(x(ledger.preNMSTopN), bottom);
        context.stroke();
        context.setLineDash([]);
        context.fillText(`top ${ledger.preNMSTopN}`, x(ledger.preNMSTopN), top - 5);
      }
      context.strokeStyle = context.fillStyle = colour('accent');
      context.lineWidth = 1.5;
      context.beginPath();
      scores.forEach((score, at) => context.lineTo(x(at + 1), y(score)));
      context.stroke();
      context.beginPath();
      context.arc(x(rank), y(ledger.scores[place]), 4, 0, 2 * Math.PI);
      context.fill();
    }, {label: `Scores of the level by rank; this one has rank ${rank}`});
  }

  function outlined({detection}) {
    const box = [...world.masks.boxes.subarray(4 * detection, 4 * detection + 4)];
    return Draw.canvas((context, ...extent) => {
      const unit = Scene.backdrop(context, extent, {
        image, size: Page.sizes.original, region: Scene.around([box], {least: 12}),
      });
      Scene.outline(context, unit, () =>
        Paste.outline(context, Paste.detection(world.masks, detection), world.masks.threshold));
    }, {label: 'The outline of the mask over the image'});
  }

  document.addEventListener('candidate', ({detail}) => follow(detail));
  bench.append(
    Controls.row(story, entry, pairs, anyone, ...detections.length ? [anyDetection] : []),
    note, summary, timeline, lessonsBelow,
    Draw.drawer('Which candidates this page carries', carried));
  Current.listen((object, source) => {
    fillSpine();
    if (source !== 'biography' && current()) follow(current().place, current().pair);
  });
  fillSpine();
  const opening = current() ?? stories[0];
  follow(opening?.place ?? 0, opening?.pair);
});
