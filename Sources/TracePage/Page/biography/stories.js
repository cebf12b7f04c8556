'use strict';

/** Lives that are worth following, one for each way in which a life can end. */
const Stories = (() => {
  /** Every detection, `{place, pair}`, by descending score. */
  function detections({ledger, heads}) {
    const found = [];
    for (let pair = 0; heads && pair < heads.boxes.length / 4; pair++) {
      const {proposal, detection} = Life.pairOf(heads, pair);
      const place = ledger.proposals[proposal];
      if (detection >= 0 && place >= 0) found[detection] = {place, pair};
    }
    return found.filter(Boolean);
  }

  /** `{title, place, pair}` of each story that this trace can tell. */
  function all(world) {
    const {ledger, heads} = world;
    const {fate} = Candidates;
    const found = detections(world);
    const last = (make) => make.at(-1);
    const withFate = (wanted) => ledger.order.find((place) => ledger.fates[place] === wanted)
      ?? ledger.fates.indexOf(wanted);
    const clearly = ledger.order.find((place) => ledger.fates[place] === fate.suppressed
      && Suppression.overlap(ledger.boxes, ledger.by[place], place).iou < ledger.nmsThreshold + 0.1);
    const isCut = ({place}) => Life.tell({ledger}, place)
      .find(({key}) => key === 'clipping')?.values.isClipped;
    const pairs = heads ? Array.from({length: heads.boxes.length / 4}, (_, pair) => pair)
      .sort((a, b) => heads.values[9 * b] - heads.values[9 * a] || a - b) : [];
    const withPairFate = (wanted) => {
      const pair = pairs.find((each) => heads.pairs[5 * each + 2] === wanted);
      if (pair === undefined) return undefined;
      return {place: ledger.proposals[heads.pairs[5 * pair]], pair};
    };
    return [
      ['The best detection', found[0]],
      ['The weakest detection', found.length > 1 ? last(found) : undefined],
      ['A detection that was clipped', found.find(isCut)],
      ['The best proposal', found.length ? undefined : {place: ledger.proposals[0] ?? -1}],
      ['Below the pre-NMS top-n of its level', {place: withFate(fate.belowTop)}],
      ['Clipped away', {place: withFate(fate.clippedAway)}],
      ['Too small', {place: withFate(fate.tooSmall)}],
      ['Suppressed as a candidate', {place: clearly ?? withFate(fate.suppressed)}],
      ['Beyond the limit of proposals', {place: withFate(fate.beyondLimit)}],
      ['A proposal taken for background', withPairFate(fate.belowTop)],
      ['Too small after refinement', withPairFate(fate.tooSmall)],
      ['Suppressed within its class', withPairFate(fate.suppressed)],
      ['Beyond the limit of detections', withPairFate(fate.beyondLimit)],
    ].filter(([, life]) => life && life.place >= 0)
      .map(([title, life]) => ({title, ...life}));
  }

  return {detections, all};
})();
