'use strict';

Page.exhibit('microscope', async (bench, content) => {
  const {element} = Draw;
  await Microscope.start(content);
  const frame = MicroscopeMap.follow();
  // First of all listeners: the others draw in the frame that it finds.
  Microscope.listen((state) => frame.fit(state));

  const {scores} = Microscope.state;
  const last = Microscope.count() - 1;
  const score = (index) => (scores ? `, score ${Numbers.score(scores[index])}` : '');
  const begin = (proposal, source = 'proposal') => Microscope.update(
    {proposal, box: Microscope.proposalBox(proposal)}, source);
  const proposal = Controls.slider({
    label: `Proposal (by descending score, 0 … ${last})`, least: 0, greatest: last, step: 1,
    value: Microscope.state.proposal, format: (index) => `${index}${score(index)}`, onInput: (index) => begin(index)});
  const again = Controls.button({
    label: 'Back to the proposal', onClick: () => begin(Microscope.state.proposal)});

  Current.listen(() => {
    proposal.input.value = Current.proposal;
    proposal.show();
    begin(Current.proposal, 'object');
  });

  const held = content.levels.map(({name, stride}) => [name, `${name}, ${stride} input pixels per cell`]);
  const level = Controls.select({label: 'Level', value: 'auto',
    options: [['auto', 'by the box’s size'], ...held],
    onChange: (choice) => Microscope.update({choice}, 'level')});
  const channel = Controls.select({label: 'Channel', options: [],
    onChange: (value) => Microscope.update({channel: Number(value)}, 'channel')});

  // The trace's own number may be any up to 16.
  const ratios = [...new Set([1, 2, 3, 4, content.samplingRatio || 1])].sort((p, q) => p - q)
    .map((ratio) => [ratio, `${ratio} × ${ratio}`]);
  const ratio = Controls.select({label: 'Samples per bin', value: content.samplingRatio,
    options: [...ratios, [0, 'one per cell of the bin']],
    onChange: (value) => Microscope.update({samplingRatio: Number(value)}, 'options')});
  const reduction = Controls.select({label: 'Of the samples', value: Number(content.maximum),
    options: [[0, 'the average'], [1, 'the maximum']],
    onChange: (value) => Microscope.update({maximum: value === '1'}, 'options')});
  const aligned = Controls.toggle({label: 'RoIAlign aligned', value: content.aligned,
    onChange: (value) => Microscope.update({aligned: value}, 'options')});

  let shown = '';
  Microscope.listen((state) => {
    const {name, channels, of} = state.level;
    const now = `${name}/${state.channel}`;
    if (now === shown) return;
    shown = now;
    channel.input.replaceChildren(
      ...channels.map((number) => new Option(`${number} (${name} has ${of})`, number)));
    channel.input.value = state.channel;
  });

  const box = await MicroscopeBox.panels(frame);
  const [readout, ...edges] = MicroscopeEdges.table();
  const grids = MicroscopeGrids.panels(frame);
  box.row.append(element('div', {class: 'panel'}, Controls.row(proposal, again, MicroscopeBox.nudges()), readout,
    element('p', {class: 'note by-keyboard'}, MicroscopeBox.keyHelp),
    Draw.drawer('Level, channel and options of the operators',
      Controls.row(level, channel, ratio, reduction, aligned))));
  bench.replaceChildren(
    box.row,
    element('h4', {}, 'What each operator reads'),
    MicroscopeLayers.legend(),
    element('p', {class: 'note'}, 'The same part of the map as in the close-up. A cell’s value '
      + `holds at the cell’s centre. This trace was made with ${content.used}.`),
    MicroscopeLayers.panels(frame),
    ...grids.outputs,
    Draw.drawer('By how much each operator misses the edges of the box', ...edges),
    Draw.drawer('The differences between the outputs', ...grids.differences),
    Draw.drawer('Every number that goes into the chosen bin', ...MicroscopeBin.panels(frame)));
  let region = '';
  Microscope.listen(() => {
    if (region === String(frame.pixels())) return;
    region = String(frame.pixels());
    box.close.canvas.redraw();
    box.close.place();
  });
});
