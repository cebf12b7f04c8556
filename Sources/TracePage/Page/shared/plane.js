'use strict';

/**
 * A canvas with axes, sharp on every screen, that shows a rectangle of some coordinates: cells of a
 * map, or pixels of the picture. It is as wide as its place and as high as its content asks.
 */
class Plane {
  /**
   * @param draw called with this plane whenever it has to be drawn
   * @param names of the axes, `{x, y}`; without them there are no axes
   */
  constructor({draw, names}) {
    this.canvas = document.createElement('canvas');
    this.context = this.canvas.getContext('2d');
    this.names = names;
    // Room for the numbers of the axes, in CSS pixels.
    [this.left, this.bottom] = names ? [48, 34] : [0, 0];
    this.draw = draw;
    this.extent = [1, 1];
    new ResizeObserver(() => this.refresh()).observe(this.canvas);
    Page.onLook(() => this.refresh());
  }

  /** Shows coordinates from 0 to `[width, height]`. */
  show(width, height) {
    this.extent = [width, height];
    this.refresh();
  }

  /** The value of one of the page's colours. */
  static ink(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  /** Draws anew. */
  refresh() {
    const width = this.canvas.clientWidth;
    if (!width) return;
    const [columns, rows] = this.extent;
    const scale = (width - this.left - 1) / columns;
    const height = Math.round(scale * rows) + this.bottom + 1;
    const density = devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * density) || this.height !== height) {
      this.canvas.width = Math.round(width * density);
      this.canvas.height = Math.round(height * density);
      this.canvas.style.aspectRatio = `${width} / ${height}`;
    }
    [this.width, this.height, this.scale] = [width, height, scale];
    const {context} = this;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    if (this.names) this.axes();
    context.translate(this.left, 0);
    context.save();
    context.beginPath();
    context.rect(0, 0, columns * scale, rows * scale);
    context.clip();
    this.draw(this);
    context.restore();
  }

  /** Ticks at round numbers, and the axes' names. */
  axes() {
    const {context, scale, extent: [columns, rows]} = this;
    context.fillStyle = Plane.ink('soft');
    context.font = `11px ${Plane.ink('sans')}`;
    const step = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
      .find((candidate) => candidate * scale >= 44) ?? 8192;
    const bottom = rows * scale;
    context.textAlign = 'center';
    context.textBaseline = 'top';
    for (let x = 0; x <= columns - step / 3; x += step) {
      context.fillRect(this.left + x * scale, bottom, 1, 4);
      context.fillText(x, this.left + x * scale + (x ? 0 : 3), bottom + 6);
    }
    context.fillText(this.names.x, this.left + columns * scale / 2, bottom + 20);
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (let y = 0; y <= rows - step / 3; y += step) {
      context.fillRect(this.left - 4, y * scale, 4, 1);
      context.fillText(y, this.left - 6, Math.max(y * scale, 6));
    }
    context.save();
    context.translate(6, bottom / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = 'center';
    context.fillText(this.names.y, 0, 0);
    context.restore();
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
