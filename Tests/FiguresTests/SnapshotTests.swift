import Foundation
import Figures
import Tensors
import TestSupport
import Testing

/// A smooth map with a peak, a pit and a slope; its values are easy to recompute.
private func hills(_ rows: Int, _ columns: Int) -> Tensor {
  func bell(_ x: Float, _ y: Float, _ cx: Float, _ cy: Float) -> Float {
    let (dx, dy) = (x - cx, y - cy)
    return 1 / (1 + 18 * (dx * dx + dy * dy))
  }
  return Tensor(
    [rows, columns],
    (0..<rows * columns).map { index in
      let x = (Float(index % columns) + 0.5) / Float(columns)
      let y = (Float(index / columns) + 0.5) / Float(rows)
      return 2.5 * bell(x, y, 0.3, 0.35) - 1.4 * bell(x, y, 0.75, 0.7) + 0.3 * x
    })
}

private func nuclei() throws -> Tensor {
  try readImage(fixturesFolder.appending(path: "images/nuclei.png")).pixels
}

@Suite struct SnapshotTests {
  @Test func heatmap() {
    let figure = Figure(
      "Objectness before the sigmoid",
      caption: "Red cells are taken for things, blue ones for background."
    ) {
      Heatmap(
        hills(50, 68), "P4, anchor 1 of 3", cellSize: 16, scale: .diverging, units: "logit",
        layers: [.box(Box(220, 180, 460, 400), label: "a proposal", Stroke(.ink, thickness: 2))])
      Heatmap(
        hills(50, 68).map { 1 / (1 + $0 * $0) }, "The same as a share", cellSize: 16,
        scale: .share)
    }
    #expect(snapshotFault(figure.draw(), named: "heatmap") == nil)
  }

  @Test func levels() {
    let figure = Figure(
      "One channel on every level", caption: "The same place has the same size on every level.",
      sharing: .diverging, units: "activation"
    ) {
      for (level, rows, columns) in [(2, 64, 80), (3, 32, 40), (4, 16, 20), (5, 8, 10), (6, 4, 5)] {
        Heatmap(hills(rows, columns), "P\(level)", cellSize: Float(1 << level))
      }
    }
    #expect(snapshotFault(figure.draw(), named: "levels") == nil)
  }

  @Test func roi() {
    let box = Box(12.3, 7.6, 16.5, 10.9)
    let bins = (0...2).map { Float($0) / 2 }
    let samples = [0.25, 0.75].flatMap { v in
      [0.25, 0.75].map { u in
        Point(box.x1 + box.width * Float(u), box.y1 + box.height * Float(v))
      }
    }
    let region = hills(6, 8)
    let figure = Figure(
      "Pooling one RoI from P4",
      caption: "RoIPool rounds the box to whole cells; RoIAlign does not.",
      legend: [
        LegendEntry("the RoI", .red, .dashed), LegendEntry("bins", .white, .line),
        LegendEntry("sample points", .orange, .dot),
      ]
    ) {
      Heatmap(
        region, "RoIAlign: 2 × 2 bins, one sample each", origin: Point(11, 6), scale: .sequential,
        layers: [
          .grid(
            xs: bins.map { box.x1 + box.width * $0 }, ys: bins.map { box.y1 + box.height * $0 },
            within: box),
          .box(box, Stroke(.red, dashed: true)), .points(samples, .orange),
        ], showsValues: true)
      Heatmap(
        region, "RoIPool: whole cells", origin: Point(11, 6), scale: .sequential,
        layers: [
          .shade(Box(12, 8, 14, 9), .white, opacity: 0.3),
          .grid(xs: [12, 14, 17], ys: [8, 9, 11], within: Box(12, 8, 17, 11)),
          .box(box, Stroke(.red, dashed: true)),
        ], showsValues: true)
    }
    #expect(snapshotFault(figure.draw(), named: "roi") == nil)
  }

  @Test func image() throws {
    let labels = try PNG.decodeLabels(
      readBytes(of: fixturesFolder.appending(path: "images/nuclei-labels.png")), name: "labels"
    ).tensor
    let part = Box(0, 0, 256, 256)
    let frame = Box(0, 0, Float(labels.shape[1]), Float(labels.shape[0]))
    let masks = (1...40).map { number in
      Layer.mask(
        labels.map { $0 == Float(number) ? 1 : 0 }, at: frame, Palette.instance(number))
    }
    let image = try nuclei()
    let figure = Figure("Instances", columns: 2) {
      ImageView(
        image, "Masks",
        layers: masks + [
          .box(Box(20, 30, 90, 96), label: "nucleus 0.98", Stroke(.yellow)),
          .box(Box(24, 40, 100, 120), label: "nucleus 0.91", Stroke(.orange)),
          .arrows([(Point(200, 200), Point(150, 120))], Stroke(.red, thickness: 2)),
        ])
      ImageView(
        image, "Objectness over the image", dimmed: 0.6,
        heat: .init(hills(32, 32), stride: 8, scale: .diverging, units: "logit"), region: part)
    }
    #expect(snapshotFault(figure.draw(), named: "image") == nil)
  }

  @Test func charts() {
    let values = hills(40, 40)
    let figure = Figure("Numbers") {
      Chart.bars(
        [
          .init("nucleus", 0.93), .init("background", 0.07, .grey), .init("not computed", .nan),
        ], "Class scores", axis: "probability", range: 0...1)
      Chart.bars(
        (2...6).map { .init("P\($0)", Float(6 - $0) * 37 - 20, Palette.level($0)) },
        "RoIs on each level", axis: "RoIs")
      Chart.lines(
        [
          .init("RoIPool", (0...10).map { Point(Float($0), Float($0 * $0)) }, Stroke(.red)),
          .init(
            "RoIAlign", (0...10).map { Point(Float($0), Float(9 * $0)) },
            Stroke(.blue, dashed: true)),
        ], "Error by shift", x: "shift, pixels", y: "difference")
      Chart.histogram(values, "Activations", axis: "activation")
      TablePanel(
        "Levels", header: ["level", "stride", "cells"],
        rows: (2...6).map { ["P\($0)", "\(1 << $0)", "\(4096 >> $0) × \(2048 >> $0)"] },
        keys: (2...6).map(Palette.level))
      TextPanel(
        "How to read this",
        lines: [
          "A bar is a share of one.", "",
          "Everything else stands beside it in words that wrap when a line is full.",
        ])
    }
    #expect(snapshotFault(figure.draw(), named: "charts") == nil)
  }

  @Test func contactSheet() {
    let channels = Tensor(
      [12, 7, 7], (0..<588).map { Float(($0 * 37) % 101) / 50 - 1 + Float($0 / 49) * 0.05 })
    let figure = Figure("RoI features", caption: "Twelve channels of one RoI.") {
      ContactSheet(channels, "7 × 7 bins", scale: .diverging, units: "activation")
    }
    #expect(snapshotFault(figure.draw(), named: "contact-sheet") == nil)
  }

  @Test func lettering() {
    var raster = Raster(width: 1000, height: 370)
    let lines = [
      "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz",
      "0123456789 !\"#$%&'()*+,-./:;<=>?@",
      "[\\]^_`{|}~ × ± − → ← ↑ ↓ ≤ ≥ · ° σ Σ µ Δ δ ½ ¼ ² ∩ ∪ ≈ … – — ‘a’ “b” • ∞ √",
      "The quick brown fox jumps over the lazy dog; 64 × 64 cells, stride 4, min −1.2",
    ]
    var y = 8
    for style in [Lettering.text, .strong, .title] {
      for line in lines {
        raster.write(line, x: 8, y: y, .ink, style)
        y += style.leading
      }
    }
    raster.writeUpward("upward: P2…P6", x: 976, y: 360, .blue)
    #expect(snapshotFault(raster, named: "lettering") == nil)
  }
}
