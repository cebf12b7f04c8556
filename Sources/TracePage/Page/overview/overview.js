'use strict';

Page.exhibit('overview', async (bench, {colours}) => {
  const {element} = Draw;
  const image = await Page.image();
  const {shape: [rows, columns], values} = await Page.array('overview/label-map');
  const size = Page.sizes.original;
  const {objects} = Current;
  const shown = objects.shown;
  let pointed = -1;

  /** Every mask in its colour, its border opaque, on nothing. */
  const masks = (() => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [columns, rows];
    const context = canvas.getContext('2d');
    const pixels = context.createImageData(columns, rows);
    values.forEach((label, at) => {
      if (!label) return;
      const isBorder = [1, -1, columns, -columns].some((step) => values[at + step] !== label);
      pixels.data.set([...colours[label - 1], isBorder ? 255 : 90], 4 * at);
    });
    context.putImageData(pixels, 0, 0);
    return canvas;
  })();

  const view = Draw.canvas((context, ...extent) => {
    const unit = Scene.backdrop(context, extent, {image, size});
    context.imageSmoothingEnabled = unit > 1;
    context.drawImage(masks, 0, 0, ...size);
    if (pointed >= 0 && pointed !== Current.object) {
      Scene.box(context, objects.boxes[pointed], Scene.styles.anchor, unit, {halo: true});
    }
    const box = objects.boxes[Current.object];
    Scene.box(context, box, Scene.styles.chosen, unit, {width: 2.5, halo: true});
    // Inside the image, above the box or below it.
    Scene.tag(context, String(Current.object), box, Scene.styles.chosen, unit, box[1] < 24 * unit);
  }, {aspect: size[0] / size[1], class: 'pickable', tabindex: 0, role: 'application',
    'aria-roledescription': 'image with objects'});

  const readout = element('p', {class: 'readout', 'aria-live': 'polite'});

  function tell(object) {
    const {classNames, labels} = objects;
    view.setAttribute('aria-label', `The image with ${shown} objects. Object ${object}: `
      + `${classNames[labels[object]]}. Arrow keys choose another.`);
    readout.replaceChildren(element('strong', {}, `Object ${object}`),
      `: ${Current.words(object)}. `,
      ...document.getElementById('biography')
        ? [element('a', {href: '#biography'}, 'How it was found'), '. '] : [],
      'Every chapter shows the object that you choose in the image.');
    readout.dataset.object = object;
    view.redraw();
  }

  /** The object under a pointer, or -1. */
  function under(event) {
    const frame = view.getBoundingClientRect();
    const x = Math.floor((event.clientX - frame.left) / frame.width * columns);
    const y = Math.floor((event.clientY - frame.top) / frame.height * rows);
    return (values[y * columns + x] ?? 0) - 1;
  }

  view.addEventListener('click', (event) => Current.choose(under(event), 'overview'));
  view.addEventListener('pointermove', (event) => {
    const object = event.pointerType === 'touch' ? -1 : under(event);
    if (object === pointed) return;
    pointed = object;
    view.redraw();
  });
  view.addEventListener('pointerleave', () => {
    pointed = -1;
    view.redraw();
  });
  view.addEventListener('keydown', (event) => {
    const step = {ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1}[event.key];
    if (!step) return;
    event.preventDefault();
    Current.choose(Math.min(Math.max(Current.object + step, 0), shown - 1), 'overview');
  });
  Current.listen(tell);
  bench.append(readout, view, Controls.row(...Units.control()));
  tell(Current.object);
});
