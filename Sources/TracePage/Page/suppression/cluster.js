'use strict';

/**
 * Greedy suppression among the candidates around one of them, a step at a time, as the trace's ledger
 * records it: the best that is left is taken and kept, and what it suppressed is taken away.
 */
const Cluster = (() => {
  const {element} = Draw;
  const {fate} = Candidates;
  /** Milliseconds between two steps that play by themselves. */
  const PACE = 1400;

  /** `{taken, suppressed}` of every step among the candidates of a level inside a region. */
  function steps(ledger, place, [left, top, right, bottom]) {
    const inside = [...ledger.order].filter((each) => {
      const [x1, y1, x2, y2] = Candidates.box(ledger, each);
      return ledger.levelOf[each] === ledger.levelOf[place]
        && x1 >= left && y1 >= top && x2 <= right && y2 <= bottom;
    });
    const isKept = (each) => (
      ledger.fates[each] === fate.kept || ledger.fates[each] === fate.beyondLimit);
    return inside.filter(isKept).map((taken) => ({
      taken, suppressed: inside.filter((each) => ledger.by[each] === taken),
    }));
  }

  /**
   * The controls and the words of the film of a cluster.
   *
   * @param ledger the candidates
   * @param onChange called when another step is to be drawn
   */
  function film(ledger, onChange) {
    let [all, at, timer] = [[], -1, 0];
    const words = element('p', {class: 'readout', 'aria-live': 'polite'});
    const play = Controls.button({label: 'Play', onClick: () => (timer ? pause() : start())});
    const step = Controls.button({label: 'Step', onClick: () => { pause(); go(at + 1); }});
    const again = Controls.button({label: 'Back to the beginning', onClick: () => { pause(); go(0); }});

    function pause() {
      clearInterval(timer);
      timer = 0;
      play.textContent = 'Play';
    }

    function start() {
      if (at >= all.length) go(0);
      else go(at + 1);
      play.textContent = 'Pause';
      timer = setInterval(() => go(at + 1), PACE);
    }

    /** Shows how things are after `count` steps. */
    function go(count) {
      at = Math.min(count, all.length);
      if (at === all.length) pause();
      const boxes = all.reduce((sum, {suppressed}) => sum + 1 + suppressed.length, 0);
      const last = all[at - 1];
      words.textContent = !last
        ? `${boxes} candidates of this level lie here. The best of them is taken first.`
        : `Step ${at} of ${all.length}: candidate ${ledger.index[last.taken]} is the best that is `
          + `left and is kept. It suppresses ${last.suppressed.length || 'no other'}.`;
      Object.assign(words.dataset, {step: at, steps: all.length,
        taken: last ? ledger.index[last.taken] : '', suppressed: last?.suppressed.length ?? 0});
      onChange();
    }

    /** Another candidate was chosen: nothing is shown until the reader plays. */
    function reset(place, region) {
      pause();
      all = steps(ledger, place, region);
      at = -1;
      words.textContent = 'How suppression decided about the candidates around this one.';
    }

    /** Draws the candidates as they are after the last step. */
    function draw(context, unit) {
      const box = (place, style, options) => (
        Scene.box(context, Candidates.box(ledger, place), style, unit, options));
      for (const {taken, suppressed} of all.slice(at).reverse()) {
        for (const each of [...suppressed, taken]) box(each, Scene.styles.anchor, {width: 0.9});
      }
      context.globalAlpha = 0.45;
      for (const {suppressed} of all.slice(0, Math.max(at - 1, 0))) {
        for (const each of suppressed) box(each, Scene.styles.suppressed, {width: 0.8});
      }
      context.globalAlpha = 1;
      for (const each of all[at - 1]?.suppressed ?? []) box(each, Scene.styles.suppressed);
      all.slice(0, at).forEach(({taken}, index) => (
        box(taken, Scene.styles.kept, {width: index === at - 1 ? 3 : 1.6, halo: true})));
    }

    return {
      element: element('div', {class: 'film'}, element('h4', {}, 'Suppression here, step by step'),
        Controls.row(play, step, again), words),
      reset, draw, pause,
      /** Whether a step is shown. */
      get isShown() { return at >= 0; },
    };
  }

  return {steps, film};
})();
