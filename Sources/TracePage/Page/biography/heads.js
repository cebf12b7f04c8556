'use strict';

/** The pairs of proposals and classes that stage 5 decided about, as the biography reads them. */
const Heads = (() => {
  async function load(content) {
    const names = ['classes', 'logits', 'scores', 'pairs', 'values'];
    const arrays = await Promise.all(names.map((name) => Page.array(`heads/${name}`)));
    const heads = {...content, count: content.classes};
    heads.classNames = named(content.classNames);
    names.forEach((name, index) => { heads[name] = arrays[index].values; });
    heads.shown = arrays[0].shape[1];
    const count = arrays[3].shape[0];
    heads.boxes = new Float32Array(4 * count);
    heads.pairsOf = [];
    for (let pair = 0; pair < count; pair++) {
      heads.boxes.set(heads.values.subarray(9 * pair + 5, 9 * pair + 9), 4 * pair);
      (heads.pairsOf[heads.pairs[5 * pair]] ??= []).push(pair);
    }
    for (const pairs of heads.pairsOf) {
      pairs?.sort((a, b) => heads.values[9 * b] - heads.values[9 * a] || a - b);
    }
    return heads;
  }

  /** The classes' names. */
  function named(names) {
    return names.map((name) => name.replace(/^__(.*)__$/, '$1'));
  }

  return {load, named};
})();
