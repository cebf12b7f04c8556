'use strict';

/**
 * Stage 3's candidates, as several exhibits read them. A candidate is called by its *place* among
 * those that the page carries; its *index* counts all anchors, as `ledger.csv` does.
 */
const Candidates = (() => {
  const round = Math.fround;
  /** What became of a candidate, as `ledger.npy` counts it. */
  const fate = {kept: 0, suppressed: 1, clippedAway: 2, tooSmall: 3, belowTop: 4, beyondLimit: 5};
  const names = [
    'kept', 'suppressed', 'clipped away', 'too small', 'below the top', 'beyond the limit',
  ];
  /** `dw` and `dh` are limited to this: a box of 16 pixels grown to 1000. */
  const greatestLogarithm = round(Math.log(1000 / 16));
  let loading;

  /** Everything of the candidates, unpacked once. */
  function load(content) {
    loading ??= (async () => {
      const [index, logits, boxes, deltas, fates, by, proposals] = await Promise.all(
        ['index', 'logits', 'boxes', 'deltas', 'fates', 'by', 'proposals']
          .map(async (name) => (await Page.array(`candidates/${name}`)).values));
      const count = index.length;
      const scores = Float32Array.from(logits, Suppression.sigmoid);
      // The number of each one's level, 2 for P2.
      const levels = Uint8Array.from(index, (each) =>
        content.levels.findLast((level) => level.first <= each).number);
      const proposalOf = new Int32Array(count).fill(-1);
      proposals.forEach((place, proposal) => { if (place >= 0) proposalOf[place] = proposal; });
      const ledger = {
        ...content, count, index, logits, boxes, deltas, fates, by, proposals, proposalOf, scores,
        levelOf: levels,
        placeOf: new Map(Array.from(index, (each, place) => [each, place])),
      };
      // Sorted once; boxes that were clipped away or too small take no part in suppression.
      ledger.order = Suppression.order(scores.subarray(0, content.considered))
        .filter((place) => fates[place] !== fate.clippedAway && fates[place] !== fate.tooSmall);
      ledger.rankOf = rank(ledger);
      return ledger;
    })();
    return loading;
  }

  /** The place of each in its level by descending logit, from 1. */
  function rank({count, levelOf}) {
    const seen = [];
    return Uint32Array.from({length: count}, (_, place) =>
      seen[levelOf[place]] = (seen[levelOf[place]] ?? 0) + 1);
  }

  /** The level of a candidate. */
  function level(ledger, place) {
    return ledger.levels.find(({number}) => number === ledger.levelOf[place]);
  }

  /** Where a candidate's anchor is: level, row and column of its cell, which of its shapes. */
  function anchor(ledger, place) {
    const own = level(ledger, place);
    const within = ledger.index[place] - own.first;
    const shape = within % own.base.length;
    const cell = (within - shape) / own.base.length;
    const column = cell % own.columns;
    const row = (cell - column) / own.columns;
    const [x, y] = [column * own.stride[1], row * own.stride[0]];
    const base = own.base[shape];
    return {
      level: own, row, column, shape, x, y,
      box: [x + base[0], y + base[1], x + base[2], y + base[3]],
    };
  }

  /** A candidate's clipped box. */
  function box(ledger, place) {
    return [...ledger.boxes.subarray(4 * place, 4 * place + 4)];
  }

  /**
   * The box that deltas mean relative to a reference box, with all that is computed on the way, in
   * 32 bits: `Stage3Proposals/BoxCoding.swift`.
   */
  function decode([dx, dy, dw, dh], reference, weights = [1, 1, 1, 1]) {
    const [width, height] = [round(reference[2] - reference[0]), round(reference[3] - reference[1])];
    const centre = [
      round(reference[0] + round(0.5 * width)), round(reference[1] + round(0.5 * height)),
    ];
    const shift = [round(dx / weights[0]), round(dy / weights[1])];
    const growth = [round(dw / weights[2]), round(dh / weights[3])]
      .map((each) => Math.min(each, greatestLogarithm));
    const moved = [
      round(round(shift[0] * width) + centre[0]), round(round(shift[1] * height) + centre[1]),
    ];
    const size = [
      round(round(Math.exp(growth[0])) * width), round(round(Math.exp(growth[1])) * height),
    ];
    const half = [round(0.5 * size[0]), round(0.5 * size[1])];
    return {
      width, height, centre, shift, growth, moved, size,
      box: [
        round(moved[0] - half[0]), round(moved[1] - half[1]),
        round(moved[0] + half[0]), round(moved[1] + half[1]),
      ],
    };
  }

  return {fate, names, load, level, anchor, box, decode};
})();
