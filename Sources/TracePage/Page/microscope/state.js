'use strict';

/**
 * The box that microscope and sweep look at, and what the three operators make of it.
 *
 * `state` is replaced by `update()`, which computes all outputs and then calls every listener with
 * the new state, the old one, and who changed it. One call is one image on the screen.
 */
const Microscope = (() => {
  const f = Math.fround;
  /** A step of the box, in cells. */
  const STEP = 1 / 16;
  /** The box may leave the map by so many cells. */
  const BEYOND = 2;

  const listeners = [];
  const maps = new Map();
  let content;
  let proposals;
  let state = null;
  let [whenReady, whenFailed] = [null, null];
  /** Fulfilled once there is a state. */
  const ready = new Promise((resolve, reject) => { [whenReady, whenFailed] = [resolve, reject]; });
  ready.catch(() => {});

  /** Unpacks the channels of every level and begins with the trace's example. */
  async function start(given) {
    try {
      await load(given);
      whenReady();
    } catch (error) {
      whenFailed(error);
      throw error;
    }
  }

  async function load(given) {
    content = Current.proposal >= 0 ? {...given, proposal: Current.proposal} : given;
    proposals = (await Page.array('proposals/boxes')).values;
    const scores = Page.has('proposals/scores') ? (await Page.array('proposals/scores')).values : null;
    for (const level of content.levels) {
      for (const channel of level.channels) {
        const {values} = await Page.array(`${level.name}/${channel}`);
        maps.set(`${level.name}/${channel}`, {
          values, rows: level.rows, columns: level.columns, scale: f(1 / f(level.stride)),
        });
      }
    }
    const middle = Math.floor(content.bins / 2);
    state = {bins: content.bins, scores, channels: new Map(), levels: content.levels, choice: 'auto',
      samplingRatio: content.samplingRatio, aligned: content.aligned, maximum: content.maximum,
      isTraceAligned: content.aligned, rule: content.rule};
    const first = level(RoI.level(proposalBox(content.proposal), content.rule));
    if (content.channel !== null && first.channels.includes(content.channel)) {
      state.channels.set(first.name, content.channel);
    }
    update({proposal: content.proposal, box: proposalBox(content.proposal), row: middle,
      column: middle}, 'start');
  }

  /** How many proposals there are. */
  function count() {
    return proposals.length / 4;
  }

  /** A proposal's box. */
  function proposalBox(index) {
    return [...proposals.subarray(4 * index, 4 * index + 4)];
  }

  /** The level of a number, or the nearest that the page holds. */
  function level(number) {
    const distance = (each) => Math.abs(Number(each.name.slice(1)) - number);
    return content.levels.reduce((best, each) => distance(each) < distance(best) ? each : best);
  }

  /** The level that the box's size asks for, or the one chosen. */
  function levelOf({choice, box}) {
    if (choice === 'auto') return level(RoI.level(box, content.rule));
    return content.levels.find((each) => each.name === choice);
  }

  /**
   * Changes some of: `proposal`, `box`, `choice` (a level or `auto`), `channel`, `row` and `column`
   * of the bin, `samplingRatio`, `aligned`, `maximum`. `source` names who changed it.
   */
  function update(changes, source = '') {
    const before = state;
    const {channel, ...rest} = changes;
    const next = {...state, ...rest, box: (changes.box ?? state.box).map(f)};
    next.level = levelOf(next);
    next.automatic = RoI.level(next.box, content.rule);
    if (channel !== undefined) next.channels.set(next.level.name, channel);
    next.channel = next.channels.get(next.level.name) ?? next.level.channels[0];
    next.map = maps.get(`${next.level.name}/${next.channel}`);
    Object.assign(next, operators(next));
    const [pool, warp, align] = [next.pool.grid, next.warp.grid, next.align.grid];
    next.outputs = {pool, warp, align,
      poolLess: pool.map((value, bin) => value - align[bin]),
      warpLess: warp.map((value, bin) => value - align[bin])};
    state = next;
    for (const listener of listeners) listener(next, before, source);
  }

  /** What the three operators read, with a state's options, of its box. */
  function operators({map, samplingRatio, aligned, maximum, bins, box}) {
    return {
      pool: RoI.read('pool', map, box, {}, bins),
      warp: RoI.read('warp', map, box, {samplingRatio, maximum}, bins),
      align: RoI.read('align', map, box, {samplingRatio, aligned, maximum}, bins),
    };
  }

  /** Calls `listener(state, before, source)` on every change, and now if there is a state. */
  function listen(listener) {
    listeners.push(listener);
    if (state) listener(state, null, 'start');
  }

  /** A step of the box in pixels: 1/16 of a cell of its level. */
  function step() {
    return state.level.stride * STEP;
  }

  /**
   * Moves some edges of a box by whole steps: `edges` are the factors of `x1 y1 x2 y2`. The box
   * stays at least a step wide and high, and leaves the map by at most two cells.
   */
  function shifted(box, edges, stepsX, stepsY) {
    const size = step();
    const {rows, columns, stride} = state.level;
    const limit = [columns * stride, rows * stride];
    const moved = [...box];
    for (const [axis, steps] of [[0, stepsX], [1, stepsY]]) {
      let [least, greatest] = [-Infinity, Infinity];
      const [low, high] = [box[axis], box[axis + 2]];
      if (edges[axis]) least = (-BEYOND * stride - low) / size;
      if (edges[axis + 2]) greatest = (limit[axis] + BEYOND * stride - high) / size;
      if (edges[axis] && !edges[axis + 2]) greatest = (high - low) / size - 1;
      if (!edges[axis] && edges[axis + 2]) least = 1 - (high - low) / size;
      // A box that is beyond a limit already may stay, and may come back.
      const [first, last] = [Math.min(Math.ceil(least), 0), Math.max(Math.floor(greatest), 0)];
      const taken = Math.min(Math.max(steps, first), last);
      for (const edge of [axis, axis + 2]) {
        if (edges[edge]) moved[edge] = f(box[edge] + taken * size);
      }
    }
    return moved;
  }

  /**
   * As `shifted()`, by a single step or none along each axis. An edge that lies between two
   * sixteenths of a cell goes to the next of them: proposals begin at odd numbers, and no count of
   * whole steps would ever bring such an edge to a whole cell.
   */
  function nudged(box, edges, x, y) {
    const size = step();
    const toNext = (axis, direction) => {
      const at = box[edges[axis] ? axis : axis + 2] / size;
      // Edges are 32-bit numbers: one that misses a sixteenth by their rounding lies on it.
      const near = Math.abs(at - Math.round(at)) < 1e-3 ? Math.round(at) : at;
      return direction && (direction > 0 ? Math.floor(near) + 1 : Math.ceil(near) - 1) - at;
    };
    return shifted(box, edges, toNext(0, x), toNext(1, y));
  }

  return {STEP, start, ready, update, listen, count, proposalBox, shifted, nudged, step,
    get state() { return state; }};
})();
