'use strict';

/**
 * Stage 3's candidates, as several exhibits read them. A candidate is called by its *place* among
 * those that the page carries; its *index* counts all anchors, as `ledger.csv` does.
 */
const Candidates = (() => {
  /** What became of a candidate, as `ledger.npy` counts it. */
  const fate = {kept: 0, suppressed: 1, clippedAway: 2, tooSmall: 3, belowTop: 4, beyondLimit: 5};
  const names = [
    'kept', 'suppressed', 'clipped away', 'too small', 'below the top', 'beyond the limit',
  ];
  let loading;

  /** Everything of the candidates, unpacked once. */
  function load(content) {
    loading ??= (async () => {
      const [index, logits, boxes, deltas, fates, by, proposals] = await Promise.all(
        ['index', 'logits', 'boxes', 'deltas', 'fates', 'by', 'proposals']
          .map(async (name) => (await Page.array(`candidates/${name}`)).values));
      const count = index.length;
      const scores = Page.network.sigmoid(logits);
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
      // Boxes that were clipped away or too small take no part in suppression.
      ledger.members = Array.from({length: content.considered}, (_, place) => place)
        .filter((place) => fates[place] !== fate.clippedAway && fates[place] !== fate.tooSmall);
      ledger.order = suppress(ledger, content.nmsThreshold).order;
      ledger.rankOf = rank(ledger);
      return ledger;
    })();
    return loading;
  }

  /** Suppression among the candidates at a threshold: `Suppression.run`. */
  function suppress({boxes, scores, levelOf, members}, threshold) {
    return Suppression.run({boxes, scores, groups: levelOf, members, threshold});
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

  /**
   * A candidate's anchor: `level`, `row` and `column` of its cell, which `shape` of those, the cell's
   * corner `x, y`, and its `box`.
   */
  function anchor(ledger, place) {
    const own = level(ledger, place);
    return {level: own, ...Page.network.anchor(
      own.base.flat(), ledger.index[place] - own.first, own.columns, own.stride)};
  }

  /** A candidate's clipped box. */
  function box(ledger, place) {
    return [...ledger.boxes.subarray(4 * place, 4 * place + 4)];
  }

  return {fate, names, load, suppress, level, anchor, box};
})();
