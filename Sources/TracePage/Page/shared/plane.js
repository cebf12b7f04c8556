'use strict';

/**
 * A canvas with axes that shows a rectangle of some coordinates: cells of a map, or pixels of the
 * image. It is as wide as its place and as high as its content asks.
 */
class Plane {
  /**
   * @param draw called with this plane whenever it has to be drawn
   * @param names of the axes, `{x, y}`; without them there are no axes
   * @param unit gives how many units an axis counts per coordinate: 0 is x, 1 is y
   * @param attributes of the canvas, as `Draw.canvas` takes them
   */
  constructor({draw, names, unit = () => 1, ...attributes}) {
    this.draw = draw;
    this.names = names;
    this.unit = unit;
    // Room for the numbers of the axes, in CSS pixels.
    [this.left, this.bottom] = names ? [48, 34] : [0, 0];
    this.extent = [1, 1];
    this.canvas = Draw.canvas((context, width) => this.paint(context, width), {...attributes,
      heightOf: (width) => this.scaleAt(width) * this.extent[1] + this.bottom + 1});
  }

  /** CSS pixels per coordinate. */
  scaleAt(width) {
    return (width - this.left - 1) / this.extent[0];
  }

  /** Shows coordinates from 0 to `[width, height]`. */
  show(width, height) {
    this.extent = [width, height];
    this.refresh();
  }

  /** Draws again. */
  refresh() {
    this.canvas.redraw();
  }

  paint(context, width) {
    const scale = this.scaleAt(width);
    Object.assign(this, {context, width, scale});
    const plot = this.extent.map((extent) => extent * scale);
    if (this.names) this.axes(plot);
    context.translate(this.left, 0);
    context.beginPath();
    context.rect(0, 0, ...plot);
    context.clip();
    this.draw(this);
  }

  /** Ticks at powers of two, as the strides are, so that a map's and the image's agree. */
  axes(plot) {
    const [x, y] = ['x', 'y'].map((axis, index) => {
      const scale = this.scale / this.unit(index);
      const step = 2 ** Math.max(0, Math.ceil(Math.log2(44 / scale)));
      const ticks = [];
      for (let at = 0; at <= this.extent[index] * this.unit(index) - step / 3; at += step) {
        ticks.push([at * scale + (index ? 0 : this.left), at]);
      }
      return {name: this.names[axis], ticks};
    });
    Draw.axes(this.context, [this.left, 0, ...plot], x, y);
  }

  /** The coordinates under a pointer. */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = this.width / box.width;
    return [
      ((event.clientX - box.left) * share - this.left) / this.scale,
      (event.clientY - box.top) * share / this.scale,
    ];
  }

  /** An outline from `[x1, y1]` to `[x2, y2]`, dark on light so that it is seen on any colour. */
  outline([x1, y1, x2, y2], {colour = '#fff', dash = [], least = 0} = {}) {
    const {context, scale} = this;
    let [x, y, width, height] = [x1, y1, x2 - x1, y2 - y1].map((number) => number * scale);
    // A cell may be smaller than can be seen.
    if (width < least) [x, width] = [x - (least - width) / 2, least];
    if (height < least) [y, height] = [y - (least - height) / 2, least];
    for (const [stroke, thickness] of [['#000', 4], [colour, 2]]) {
      context.strokeStyle = stroke;
      context.lineWidth = thickness;
      context.setLineDash(thickness === 2 ? dash : []);
      context.strokeRect(x, y, width, height);
    }
    context.setLineDash([]);
  }
}
