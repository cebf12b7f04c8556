import Figures
import Stage0Input
import Stage1Backbone
import Tensors

/// A proposal that is followed through the operators.
struct RoIExample: Sendable {
  /// The image's name.
  var name: String
  /// By which rule it was chosen, as part of a sentence.
  var rule: String
  /// Which proposal.
  var proposal: Int
}

extension RoIDrawing {
  /// Three different proposals of the 100 best: the best one that lies inside the image, the
  /// smallest and the largest. A proposal that covers most of a chosen one is not chosen again.
  var examples: [RoIExample] {
    let (width, height) = (Float(backdrop.width), Float(backdrop.height))
    var chosen: [RoIExample] = []
    func choose(_ name: String, _ rule: String, where fits: (Int, Int) -> Bool) {
      let open = proposals.indices.prefix(100).filter { index in
        !chosen.contains {
          proposals[$0.proposal].intersectionOverUnion(proposals[index]) > 0.5
            || $0.proposal == index
        }
      }
      guard let best = open.min(by: { fits($0, $1) }) else { return }
      chosen.append(RoIExample(name: name, rule: rule, proposal: best))
    }
    let best = bestInside(proposals, width: width, height: height)
    choose("roi-best", "the best proposal that does not touch the image's edge") {
      $0 == best && $1 != best
    }
    choose("roi-small", "the smallest of the 100 best proposals") {
      proposals[$0].area < proposals[$1].area
    }
    choose("roi-large", "the largest of the 100 best proposals") {
      proposals[$0].area > proposals[$1].area
    }
    return chosen
  }

  /// One RoI: where each operator reads the map, what comes out, and how they differ.
  func figure(_ example: RoIExample) -> Figure {
    let work = RoIComparison(self, example)
    let input = ColourScale.diverging(limit: work.limit)
    let names = [RoIOperator.pool, work.warp, work.align].map { other in
      other.name + (other.name == roiOperator.name ? " (this run)" : "")
    }
    let box = work.box
    let size = "\(Numerals.short(box.width)) × \(Numerals.short(box.height)) input pixels"
    return Figure(
      "One RoI, three operators: proposal \(example.proposal)",
      caption: "Proposal \(example.proposal) is \(example.rule): \(size)"
        + "\(score(example.proposal).replacing(", ", with: ", score ")), read from "
        + "\(name(work.level)). Channel \(work.channel) is shown, which varies most inside it. "
        + "Above, the map in cells of \(name(work.level)) with the bins; below, the bins' values. "
        + "A cell's value holds at the cell's centre.",
      columns: 4,
      legend: [
        LegendEntry("the proposal", .ink, .dashed), LegendEntry("bins", .grey, .line),
        LegendEntry("samples", .yellow, .dot),
        LegendEntry("the middle bin, above and below", .green, .line),
        LegendEntry("row or column that two bins of RoIPool share", .orange),
      ]
    ) {
      place(example, work)
      work.map(names[0], work.poolLayers, input)
      work.map(names[1], work.layers(work.warpGrid), input)
      work.map(names[2], work.layers(work.alignGrid), input, bar: true)
      work.output(work.difference, "RoIPool − RoIAlign", .diverging, bar: true)
      work.output(work.outputs[0], "Out of \(names[0])", input)
      work.output(work.outputs[1], "Out of \(names[1])", input)
      work.output(work.outputs[2], "Out of \(names[2])", input, bar: true)
    }
  }

  /// Where the RoI lies in the image.
  private func place(_ example: RoIExample, _ work: RoIComparison) -> ImageView {
    let box = work.box
    let margin = max(box.width, box.height) * 0.6 + 8
    let region = Box(box.x1 - margin, box.y1 - margin, box.x2 + margin, box.y2 + margin)
    var view = backdrop.view(
      "In the image", [.box(box, Stroke(.yellow, thickness: 2, dashed: true))], region: region,
      side: 220)
    view.dimmed = 0
    let corner = [box.x1, box.y1].map { Numerals.short($0, digits: 4) }
    view.note = "Corner at \(corner.joined(separator: ", "))"
    return view
  }
}

/// One RoI on one channel of its level, taken through the three operators.
struct RoIComparison {
  let box: Box
  let level: Int
  let channel: Int
  /// The part of the channel around the RoI, and its first cell.
  private let part: Tensor
  private let origin: (x: Int, y: Int)
  /// `[Y, X]` out of RoIPool, RoIWarp, RoIAlign.
  let outputs: [Tensor]
  let warp: RoIOperator
  let align: RoIOperator
  let warpGrid: SampleGrid
  let alignGrid: SampleGrid
  private let rows: QuantisedBins
  private let columns: QuantisedBins
  private let scale: Float

  init(_ drawing: RoIDrawing, _ example: RoIExample) {
    box = drawing.proposals[example.proposal]
    level = drawing.levels[example.proposal]
    let features = drawing.pyramid.features(ofLevel: level)  // [1, C, H, W]
    let (height, width) = (features.shape[2], features.shape[3])
    scale = 1 / Float(drawing.pyramid.stride(ofLevel: level))
    let bins = drawing.bins
    var (ratio, aligned, maximum) = (2, false, false)
    switch drawing.roiOperator {
    case .pool: break
    case .warp(let samples, let greatest): (ratio, maximum) = (samples, greatest)
    case .align(let samples, let half, let greatest):
      (ratio, aligned, maximum) = (samples, half, greatest)
    }
    warp = .warp(samplingRatio: ratio, maximum: maximum)
    align = .align(samplingRatio: ratio, aligned: aligned, maximum: maximum)
    alignGrid = SampleGrid(
      box: box, spatialScale: scale, bins: bins, samplingRatio: ratio, aligned: aligned)
    warpGrid = SampleGrid(warping: box, spatialScale: scale, bins: bins, samplingRatio: ratio)
    rows = QuantisedBins(
      from: box.y1, to: box.y2, spatialScale: scale, count: bins.rows, limit: height)
    columns = QuantisedBins(
      from: box.x1, to: box.x2, spatialScale: scale, count: bins.columns, limit: width)

    let around = RoISurroundings(box, spatialScale: scale, rows: height, columns: width)
    origin = (around.x, around.y)
    let region = around.cut(features)
    channel = mostVarying(region, count: 1).first ?? 0
    part = region.slice(channel)
    let plane = height * width
    let map = Tensor(
      [1, height, width], Array(features.values[channel * plane..<(channel + 1) * plane]))
    let (box, scale) = (box, scale)
    outputs = [.pool, warp, align].map {
      $0(map, boxes: [box], spatialScale: scale, bins: bins).slice(0).slice(0)
    }
  }

  /// The greatest magnitude of the map and the outputs.
  var limit: Float {
    ([part] + outputs).flatMap(\.values).filter(\.isFinite).map(abs).max() ?? 1
  }

  /// `[Y, X]`, RoIPool less RoIAlign.
  var difference: Tensor {
    Tensor(outputs[0].shape, zip(outputs[0].values, outputs[2].values).map { $0 - $1 })
  }

  /// RoIPool's bins: whole cells, some of them in two bins.
  var poolLayers: [Layer] {
    func lines(_ bins: [Range<Int>]) -> [Float] {
      Set(bins.flatMap { [$0.lowerBound, $0.upperBound] }).sorted().map { Float($0) }
    }
    func shared(_ bins: [Range<Int>]) -> [Range<Int>] {
      zip(bins, bins.dropFirst()).map { $0.clamped(to: $1) }.filter { !$0.isEmpty }
    }
    let (xs, ys) = (lines(columns.bins), lines(rows.bins))
    let within = Box(xs.first ?? 0, ys.first ?? 0, xs.last ?? 0, ys.last ?? 0)
    let (h, v) = (columns.bins[columns.bins.count / 2], rows.bins[rows.bins.count / 2])
    let middle = Box(
      Float(h.lowerBound), Float(v.lowerBound), Float(h.upperBound), Float(v.upperBound))
    // Marks along the upper and left edge leave the map itself visible.
    let mark = 0.03 * Float(max(part.shape[0], part.shape[1]))
    let marks =
      shared(columns.bins).map {
        Box(Float($0.lowerBound), within.y1 - mark, Float($0.upperBound), within.y1)
      }
      + shared(rows.bins).map {
        Box(within.x1 - mark, Float($0.lowerBound), within.x1, Float($0.upperBound))
      }
    return marks.map { .shade($0, .orange, opacity: 1) }
      + [
        .grid(xs: xs, ys: ys, within: within, Stroke(.grey, thickness: 1)),
        .box(middle, Stroke(.green, thickness: 3)), trueBox,
      ]
  }

  /// The bins and samples of RoIWarp or RoIAlign. Code counts positions from the first cell's
  /// centre, the drawing from its edge: half a cell lies between.
  func layers(_ grid: SampleGrid) -> [Layer] {
    let (across, down) = (outputs[0].shape[1], outputs[0].shape[0])
    let xs = (0...across).map { grid.x + Float($0) * grid.binWidth + 0.5 }
    let ys = (0...down).map { grid.y + Float($0) * grid.binHeight + 0.5 }
    let samples = (0..<down).flatMap { bin in
      (0..<grid.rows).flatMap { row in
        (0..<across).flatMap { other in
          (0..<grid.columns).map { column in
            Point(
              grid.sampleX(bin: other, sample: column) + 0.5,
              grid.sampleY(bin: bin, sample: row) + 0.5)
          }
        }
      }
    }
    let middle = Box(xs[across / 2], ys[down / 2], xs[across / 2 + 1], ys[down / 2 + 1])
    return [
      .grid(
        xs: xs, ys: ys, within: Box(xs[0], ys[0], xs[across], ys[down]),
        Stroke(.grey, thickness: 1)),
      .points(samples.count > 1600 ? [] : samples, .yellow, radius: dotRadius(grid)),
      .box(middle, Stroke(.green, thickness: 3)), trueBox,
    ]
  }

  /// Dots that leave room between each other.
  private func dotRadius(_ grid: SampleGrid) -> Float {
    let apart = min(
      grid.binWidth / Float(max(grid.columns, 1)), grid.binHeight / Float(max(grid.rows, 1)))
    let pixels = apart * 220 / Float(max(part.shape[0], part.shape[1]))
    return min(max(pixels / 6 - 0.5, 0.4), 2)
  }

  private var trueBox: Layer {
    .box(box.scaled(x: scale, y: scale), Stroke(.ink, thickness: 2, dashed: true))
  }

  /// The map around the RoI with what an operator does there.
  func map(_ title: String, _ layers: [Layer], _ scale: ColourScale, bar: Bool = false) -> Heatmap {
    var map = Heatmap(
      part, title, origin: Point(Float(origin.x), Float(origin.y)), scale: scale,
      units: "activation", layers: layers)
    map.zoom = 220 / Float(max(part.shape[0], part.shape[1]))
    map.axisUnit = "cells of P\(level)"
    map.showsBar = bar
    map.showsSummary = false
    return map
  }

  /// The bins' values with the middle bin marked.
  func output(
    _ values: Tensor, _ title: String, _ scale: ColourScale, bar: Bool = false
  ) -> Heatmap {
    let (x, y) = (Float(values.shape[1] / 2), Float(values.shape[0] / 2))
    var map = Heatmap(
      values, title, scale: scale, units: "activation",
      layers: [.box(Box(x, y, x + 1, y + 1), Stroke(.green, thickness: 3))])
    map.zoom = 210 / Float(max(values.shape[0], values.shape[1]))
    map.axisUnit = "bins"
    map.showsBar = bar
    map.showsSummary = false
    return map
  }
}
