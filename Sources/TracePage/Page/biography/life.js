'use strict';

/**
 * What happens to one candidate, step by step, as numbers and sentences; nothing is drawn here.
 *
 * A step is `{key, stage, title, says, formulas, values, boxes, ends}`: `says` are sentences,
 * `formulas` lines with the candidate's numbers put in, `values` the numbers themselves, `boxes`
 * `[style, box]` in pixels of the resized image; `ends` is true where the life ends.
 */
const Life = (() => {
  const {fate} = Candidates;

  const {minus, many, pixels: px} = Numbers;
  /** Deltas, logits, probabilities. */
  const num = (value) => {
    if (value < 1 && Number(value.toPrecision(4)) === 1) return Numbers.score(value);
    return Math.abs(value) >= 1e-3 || value === 0
      ? minus(String(Number(value.toPrecision(4)))) : Numbers.short(value);
  };
  /** A number in so many digits, four at least, that it is seen to differ from another. */
  const apart = (value, other) => {
    const digits = [4, 5, 6, 7, 8].find(
      (each) => value === other || value.toPrecision(each) !== other.toPrecision(each));
    return digits && value >= 1e-3 ? String(Number(value.toPrecision(digits))) : num(value);
  };
  const tuple = (box) => `(${box.map(px).join(', ')})`;
  const signed = (value) => (value < 0 ? `− ${num(-value)}` : `+ ${num(value)}`);
  const sides = (box) => [Math.fround(box[2] - box[0]), Math.fround(box[3] - box[1])];

  /**
   * The steps of a candidate's life.
   *
   * @param world `{ledger, roi, heads, masks}`; the last three are null where the stage did not run
   * @param place the candidate
   * @param pair which of its proposal's pairs with a class; the one with the best score if absent
   */
  function tell(world, place, pair) {
    const {ledger, heads} = world;
    const steps = [anchor(ledger, place), objectness(ledger, place)];
    const done = () => steps.at(-1).ends;
    const add = (...makers) => {
      for (const make of makers) if (!done()) steps.push(make());
    };
    add(() => decoding(ledger, place), () => clipping(ledger, place),
      () => filtering(ledger, place), () => suppression(ledger, place),
      () => ranking(ledger, place));
    const proposal = ledger.proposalOf[place];
    if (proposal < 0) return steps;
    if (world.roi) add(() => reading(world, place, proposal));
    if (!heads) return steps;
    const chosen = pair ?? pairsOf(heads, proposal)[0];
    if (chosen === undefined) return steps;
    add(() => classes(heads, proposal), () => refinement(world, place, chosen),
      () => scoring(heads, chosen), () => classSuppression(heads, chosen),
      () => detecting(heads, chosen));
    const detection = heads.pairs[5 * chosen + 4];
    if (world.masks && detection >= 0 && detection < world.masks.count) {
      add(() => masking(world, detection), () => pasting(world, detection));
    }
    return steps;
  }

  function anchor(ledger, place) {
    const {level, row, column, shape, x, y, box} = Candidates.anchor(ledger, place);
    const base = level.base[shape];
    const [width, height] = sides(base);
    return {
      key: 'anchor', stage: '2-anchors', title: 'An anchor',
      says: [
        `It is one of ${many(ledger.anchors)} anchors. Level ${level.name} has a cell every `
        + `${level.stride[1]} input pixels; the cell in row ${row}, column ${column} has its corner `
        + `at (${x}, ${y}). Of the ${level.base.length} anchors of the cell this is anchor ${shape} `
        + `(counted from 0), ${px(width)} wide and ${px(height)} high, centred on that corner.`,
      ],
      formulas: [`anchor = (${x}, ${y}, ${x}, ${y}) + ${tuple(base)} = ${tuple(box)}`],
      values: {level: level.name, row, column, shape, box},
      boxes: [['cell', [x, y, x + level.stride[1], y + level.stride[0]]], ['kept', box]],
    };
  }

  function objectness(ledger, place) {
    const level = Candidates.level(ledger, place);
    const [logit, score, rank] = [ledger.logits[place], ledger.scores[place], ledger.rankOf[place]];
    const ends = place >= ledger.considered;
    const top = ledger.preNMSTopN;
    return {
      key: 'objectness', stage: '2-anchors', title: 'Is there an object?', ends,
      says: [
        'The region proposal network predicts the anchor’s objectness, a logit z. In descending '
        + `order of z the anchor is number ${many(rank)} of ${many(level.anchors)} on ${level.name}.`,
        ends
          ? `Only the ${many(top)} highest logits of a level are considered. It is `
            + `${many(rank - top)} ${rank - top === 1 ? 'place' : 'places'} too low.`
          : `The ${many(top)} highest logits of a level are considered, and it is among them.`,
      ],
      formulas: [`score = 1 / (1 + exp(−z)) = 1 / (1 + exp(${num(-logit)})) = ${num(score)}`],
      values: {logit, score, rank}, boxes: [['kept', Candidates.anchor(ledger, place).box]],
    };
  }

  /** Decoding in numbers, for the anchor's deltas (weights of 1) and for a class's. */
  function decodingLines(deltas, reference, decoded, weights, names) {
    const {centre, growth, limited, moved, size, box} = decoded;
    const [width, height] = sides(reference);
    const over = (index) => (weights[index] === 1 ? '' : ` / ${weights[index]}`);
    const power = (index) => (limited[index] < growth[index]
      ? num(limited[index]) : num(deltas[2 + index]) + over(2 + index));
    const shift = (index) => `${signed(deltas[index])}${over(index)}`;
    return [
      `x = cx + ${names[0]} · w = ${px(centre[0])} ${shift(0)} · ${px(width)} = ${px(moved[0])}`,
      `y = cy + ${names[1]} · h = ${px(centre[1])} ${shift(1)} · ${px(height)} = ${px(moved[1])}`,
      `width = w · exp(${names[2]}) = ${px(width)} · exp(${power(0)}) = ${px(size[0])}`,
      `height = h · exp(${names[3]}) = ${px(height)} · exp(${power(1)}) = ${px(size[1])}`,
      `box = (x ∓ width / 2, y ∓ height / 2) = ${tuple(box)}`,
    ];
  }

  function decoding(ledger, place) {
    const reference = Candidates.anchor(ledger, place).box;
    const deltas = [...ledger.deltas.subarray(4 * place, 4 * place + 4)];
    const [decoded] = Page.network.decode(reference, deltas, 'rpn');
    return {
      key: 'decoding', stage: '3-proposals', title: 'Moved and scaled',
      says: [
        'The network also predicts how to move and scale the anchor, which has the centre (cx, cy), '
        + `the width w and the height h, so that it fits the object: dx = ${num(deltas[0])}, `
        + `dy = ${num(deltas[1])}, dw = `
        + `${num(deltas[2])}, dh = ${num(deltas[3])}.`
        + (ledger.deltaOrder === 'dx dy dw dh' ? ''
          : ` Here the network’s four numbers were read in the order ${ledger.deltaOrder}.`),
      ],
      formulas: decodingLines(deltas, reference, decoded, [1, 1, 1, 1], ['dx', 'dy', 'dw', 'dh']),
      values: {deltas, box: decoded.box}, boxes: [['anchor', reference], ['kept', decoded.box]],
    };
  }

  function clipping(ledger, place) {
    const box = Candidates.box(ledger, place);
    const [{box: before}] = Page.network.decode(Candidates.anchor(ledger, place).box,
      ledger.deltas.subarray(4 * place, 4 * place + 4), 'rpn');
    const [width, height] = Page.sizes.resized;
    const isClipped = before[0] < 0 || before[1] < 0 || before[2] > width || before[3] > height;
    const ends = ledger.fates[place] === fate.clippedAway;
    return {
      key: 'clipping', stage: '3-proposals', title: 'Clipped to the image', ends,
      says: [
        ends ? `The box lies outside the resized image (${width} × ${height}) and is dropped.`
          : isClipped
            ? `Part of it lies outside the resized image (${width} × ${height}) and is cut off: `
              + `${tuple(before)} becomes ${tuple(box)}.`
            : `It lies inside the resized image (${width} × ${height}), so nothing is cut off.`,
      ],
      formulas: [], values: {box, isClipped},
      boxes: isClipped ? [['anchor', before], ['kept', box]] : [],
    };
  }

  function filtering(ledger, place) {
    const [width, height] = sides(Candidates.box(ledger, place));
    const ends = ledger.fates[place] === fate.tooSmall;
    return {
      key: 'filtering', stage: '3-proposals', title: 'Large enough?', ends,
      says: [`Its sides are ${px(width)} and ${px(height)} input pixels; boxes with a side under `
        + `${num(ledger.minimumSize)} are dropped. ${ends ? 'It is dropped.' : 'It is kept.'}`],
      formulas: [], values: {width, height}, boxes: [],
    };
  }

  function suppression(ledger, place) {
    const level = Candidates.level(ledger, place).name;
    const threshold = ledger.nmsThreshold;
    const ends = ledger.fates[place] === fate.suppressed;
    const own = [ends ? 'suppressed' : 'kept', Candidates.box(ledger, place)];
    const by = ends ? ledger.by[place] : closest(ledger, place);
    if (by < 0) {
      return {
        key: 'suppression', stage: '3-proposals', title: 'Suppressed by a better one?', ends: false,
        says: [`No better candidate of ${level} that was kept overlaps it, so it is kept.`],
        formulas: [], values: {by: -1, iou: 0}, boxes: [own],
      };
    }
    const {intersection, union, iou} = Suppression.overlap(ledger.boxes, by, place);
    const other = `candidate ${ledger.index[by]}`;
    const [score, rival] = [ledger.scores[place], ledger.scores[by]];
    return {
      key: 'suppression', stage: '3-proposals', title: 'Suppressed by a better one?', ends,
      says: [ends
        ? `The better ${other} of ${level} (score ${apart(rival, score)}, this one’s is `
          + `${apart(score, rival)}) was kept, and their IoU is over ${threshold}, so it is `
          + 'suppressed: both are taken to be boxes of the same object.'
        : `Of the better candidates of ${level} that were kept, ${other} overlaps it most, with an `
          + `IoU of no more than ${threshold}, so it is kept.`],
      formulas: [`IoU = intersection / union = ${px(intersection)} / ${px(union)} = ${num(iou)} `
        + `${iou > threshold ? '>' : '≤'} ${threshold}`],
      values: {by: ledger.index[by], intersection, union, iou},
      boxes: [[ends ? 'kept' : 'rival', Candidates.box(ledger, by)], own],
    };
  }

  /** Of the better survivors of its level, the one with the greatest IoU with a candidate; or -1. */
  function closest(ledger, place) {
    const better = ledger.order.slice(0, ledger.order.indexOf(place)).filter((other) => (
      ledger.levelOf[other] === ledger.levelOf[place]
      && (ledger.fates[other] === fate.kept || ledger.fates[other] === fate.beyondLimit)));
    let [best, most] = [-1, 0];
    Suppression.overlaps(ledger.boxes, place, better).forEach((iou, index) => {
      if (iou > most) [best, most] = [better[index], iou];
    });
    return best;
  }

  function ranking(ledger, place) {
    let rank = 1;
    for (const other of ledger.order) {
      if (other === place) break;
      if (ledger.fates[other] !== fate.suppressed) rank++;
    }
    const ends = ledger.fates[place] === fate.beyondLimit;
    const proposal = ledger.proposalOf[place];
    return {
      key: 'ranking', stage: '3-proposals', title: ends ? 'Beyond the limit' : 'A proposal', ends,
      says: [ends
        ? `By its score it is number ${many(rank)} of those kept on all levels. Only the `
          + `${many(ledger.postNMSTopN)} best become proposals.`
        : `By its score it is number ${many(rank)} of those kept on all levels, and the `
          + `${many(ledger.postNMSTopN)} best become proposals: it is proposal ${proposal} `
          + '(counted from 0).'],
      formulas: [], values: {rank, proposal}, boxes: [],
    };
  }

  function reading({ledger, roi}, place, proposal) {
    const [width, height] = sides(Candidates.box(ledger, place));
    const {rule} = roi;
    const [exact] = Page.network.levels(Candidates.box(ledger, place), rule).exact;
    const level = roi.levels[proposal];
    return {
      key: 'reading', stage: '4-roi', title: 'Read from the pyramid',
      says: [`A RoI is read from the level, P${rule.least} to P${rule.greatest}, that fits its size: `
        + `${rule.canonicalScale} input pixels from P${rule.canonicalLevel}, half the size from one `
        + `level finer. RoI${roi.operation[0].toUpperCase()}`
        + `${roi.operation.slice(1)} reads it as a grid of ${roi.bins} × ${roi.bins} bins from `
        + `P${level}. The level of its anchor no longer matters.`],
      formulas: [`n = ⌊${rule.canonicalLevel} + log2(√(w · h) / ${rule.canonicalScale})⌋ = `
        + `⌊${rule.canonicalLevel} + log2(√(${px(width)} · ${px(height)}) / ${rule.canonicalScale})⌋ `
        + `= ⌊${num(exact)}⌋ = ${minus(String(Math.floor(exact)))}`
        + `${Math.floor(exact) === level ? '' : `, limited to ${level}`}`],
      values: {level, exact}, boxes: [['kept', Candidates.box(ledger, place)]], bins: roi.bins,
    };
  }

  function classes(heads, proposal) {
    const shown = heads.shown;
    const entries = Array.from({length: shown}, (_, slot) => {
      const at = proposal * shown + slot;
      const label = heads.classes[at];
      return {label, name: heads.classNames[label] ?? `class ${label}`,
        logit: heads.logits[at], score: heads.scores[at]};
    });
    const rest = heads.count - shown;
    const best = entries.reduce((a, b) => (b.score > a.score ? b : a));
    return {
      key: 'classes', stage: '5-heads', title: 'What is it?',
      says: [`The box head predicts a logit z for each of ${heads.count} classes; the background is `
        + 'one of them. A softmax turns the logits into scores that sum to 1: classes compete.'
        + (rest > 0 ? ` The ${shown - 1} best and the background are shown, ${rest} are not.` : '')],
      formulas: [`score = exp(z) / Σ exp(z); the highest: ${best.name}, ${num(best.score)}`],
      values: {entries}, boxes: [], bars: entries,
    };
  }

  function refinement({ledger, heads}, place, pair) {
    const {deltas, box, name} = pairOf(heads, pair);
    const reference = Candidates.box(ledger, place);
    const weights = [10, 10, 5, 5];
    const [decoded] = Page.network.decode(reference, deltas, 'box');
    const isClipped = decoded.box.some((edge, index) => Math.abs(edge - box[index]) > 0.01);
    return {
      key: 'refinement', stage: '5-heads', title: `Refined as ${name}`,
      says: ['The box head also predicts four deltas for each class. They are divided by 10, 10, '
        + '5, 5 and applied as those of the anchor were, now to the proposal.'
        + (isClipped ? ` Clipped to the image it is ${tuple(box)}.` : '')],
      formulas: decodingLines(
        deltas, reference, decoded, weights, ['dx / 10', 'dy / 10', 'dw / 5', 'dh / 5']),
      values: {deltas, box, decoded: decoded.box, pair},
      boxes: [['anchor', reference], ['kept', box]],
    };
  }

  function scoring(heads, pair) {
    const {score, name, fate: came} = pairOf(heads, pair);
    const ends = came === fate.belowTop;
    const threshold = num(Math.fround(heads.scoreThreshold));
    return {
      key: 'scoring', stage: '5-heads', title: 'Over the score threshold?', ends,
      says: [ends
        ? `A class is considered only if its score is over ${threshold}. ${name}, the best class `
          + 'other than the background, is not: the proposal is taken for background.'
        : `A class is considered only if its score is over ${threshold}; ${name} is.`],
      formulas: [`${num(score)} ${ends ? '≤' : '>'} ${threshold}`], values: {score}, boxes: [],
    };
  }

  function classSuppression(heads, pair) {
    const {fate: came, by, box, name, score} = pairOf(heads, pair);
    const base = {key: 'classSuppression', stage: '5-heads', title: 'Suppressed within its class?',
      formulas: [], values: {by: -1}, boxes: [['kept', box]]};
    if (came === fate.tooSmall) {
      return {...base, title: 'Large enough?', ends: true,
        says: [`A side of the refined box is under ${num(heads.minimumSize)} input pixels: `
          + 'it is dropped.']};
    }
    if (came !== fate.suppressed) {
      return {...base, says: [`Non-maximum suppression runs once more, on the refined boxes of each `
        + `class. No better ${name} that was kept has an IoU with it over ${heads.nmsThreshold}.`]};
    }
    const other = pairOf(heads, by);
    const {intersection, union, iou} = Suppression.overlap(heads.boxes, by, pair);
    const called = other.detection >= 0 ? `detection ${other.detection}` : 'a better one';
    return {...base, ends: true,
      says: [`Non-maximum suppression runs once more, on the refined boxes of each class. `
        + `Proposal ${other.proposal}, of the same class with the score `
        + `${apart(other.score, score)} (${called}; this one’s is `
        + `${apart(score, other.score)}), was kept, and their IoU is over ${heads.nmsThreshold}: `
        + 'it is suppressed.'],
      formulas: [`IoU = ${px(intersection)} / ${px(union)} = ${num(iou)} > ${heads.nmsThreshold}`],
      values: {by: other.proposal, intersection, union, iou},
      boxes: [['kept', other.box], ['suppressed', box]]};
  }

  function detecting(heads, pair) {
    const {fate: came, detection, name, score, box} = pairOf(heads, pair);
    const ends = came === fate.beyondLimit;
    return {
      key: 'detecting', stage: '5-heads', title: ends ? 'Beyond the limit' : 'A detection', ends,
      says: [ends
        ? `It was kept, but only the ${many(heads.detectionsPerImage)} best become detections.`
        : `It is detection ${detection} of ${many(heads.detections)} (counted from 0, in `
          + `descending order of score): ${name}, ${num(score)}.`],
      formulas: [], values: {detection}, boxes: [['kept', box]],
    };
  }

  function masking({masks}, detection) {
    const cells = masks.cells;
    const probabilities = Paste.probabilities(
      masks.own.subarray(detection * cells * cells, (detection + 1) * cells * cells));
    return {
      key: 'masking', stage: '5-heads', title: 'A mask',
      says: ['The mask head reads the detection’s box from the pyramid again and predicts '
        + `${cells} × ${cells} logits for its class. The sigmoid of each is the probability that `
        + 'the cell belongs to the object.'],
      formulas: [], values: {probabilities}, boxes: [], cells,
    };
  }

  function pasting({masks}, detection) {
    const pasted = Paste.detection(masks, detection);
    const area = Paste.area(pasted.soft, masks.threshold);
    const {x1, y1, x2, y2} = pasted.window;
    return {
      key: 'pasting', stage: '6-masks', title: 'In the image',
      says: [`The mask is resized to its box in image pixels, x ${x1} to ${x2} and y ${y1} to ${y2} `
        + `(the ends not included). ${many(area)} image pixels have a probability over `
        + `${masks.threshold}.`],
      formulas: [], values: {area, window: pasted.window}, boxes: [], detection,
    };
  }

  /** The pairs of a proposal with a class, by descending score. */
  function pairsOf(heads, proposal) {
    return heads.pairsOf[proposal] ?? [];
  }

  /** The sentence and the numbers of one pair. */
  function pairOf(heads, pair) {
    const [proposal, label, came, by, detection] = heads.pairs.subarray(5 * pair, 5 * pair + 5);
    return {
      proposal, label, fate: came, by, detection,
      name: heads.classNames[label] ?? `class ${label}`, score: heads.values[9 * pair],
      deltas: [...heads.values.subarray(9 * pair + 1, 9 * pair + 5)],
      box: [...heads.values.subarray(9 * pair + 5, 9 * pair + 9)],
    };
  }

  return {tell, pairsOf, pairOf, number: num};
})();
