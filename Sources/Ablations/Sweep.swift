// A RoI slides over a level by fractions of a cell: what does each operator make of it? Paper:
// section 3, "RoIAlign": quantisation "may not impact classification, which is robust to small
// translations", but has "a large negative effect on predicting pixel-accurate masks".
//
// In: one level's features [C, H, W] and a box.  Out: per operator, the grid of bins at every
// position [P, C, Y, X], of which one bin of one channel is kept as a curve, and the largest jump
// of all.  P positions, C channels, Y X bins, S the level's stride.

import Stage0Input
import Stage1Backbone
import Stage4RoI
import Tensors
import Tracing

/// The direction in which a box slides.
public enum SweepAxis: String, Sendable, CaseIterable {
  /// To the right.
  case x
  /// Down.
  case y
}

/// What one operator answers while a box slides.
public struct SweepCurve: Sendable {
  /// The operator.
  public var roiOperator: RoIOperator
  /// Its name, with `aligned` where RoIAlign takes off half a cell.
  public var name: String
  /// The chosen bin's value on the chosen channel at every position.
  public var values: [Float]
  /// The value at every position of the bin and channel in which the first operator of the sweep
  /// jumps most.
  public var valuesAtJump: [Float]
  /// The greatest absolute difference between neighbouring positions over all bins and channels.
  public var largestJump: Float
  /// The same of the chosen bin and channel alone.
  public var largestJumpInBin: Float
}

/// A box that slides by whole cells of its level in sixteenths, read by several operators.
public struct Sweep: Sendable {
  /// Positions per cell.
  public static let stepsPerCell = 16

  /// RoIPool, RoIWarp, and RoIAlign without and with half a cell taken off; two samples a side.
  public static let operators: [RoIOperator] = [
    .pool, .warp(samplingRatio: 2, maximum: false),
    .align(samplingRatio: 2, aligned: false, maximum: false),
    .align(samplingRatio: 2, aligned: true, maximum: false),
  ]

  /// The shift of every position in cells of the level, from 0.
  public let positions: [Float]
  /// One curve per operator.
  public let curves: [SweepCurve]
  /// The box at position 0, in pixels of the resized image.
  public let box: Box
  /// Pixels per cell of the level.
  public let stride: Int
  /// Where it slides to.
  public let axis: SweepAxis
  /// The channel of the curves.
  public let channel: Int
  /// The bin of the curves.
  public let bin: (row: Int, column: Int)
  /// The grid of bins.
  public let bins: BinGrid
  /// The bin and channel in which the first operator jumps most: of equal jumps the first position,
  /// channel, row, column.
  public let jump: (channel: Int, row: Int, column: Int)
  /// Greatest less least value of the level, all channels: what jumps are measured against.
  public let range: Float
  /// The part of the channel over which the box slides, `[rows, columns]`, and its first cell.
  public let surroundings: Tensor
  /// First cell of the part.
  public let origin: (column: Int, row: Int)

  /// Slides a box.
  ///
  /// - Parameters:
  ///   - features: one level, `[C, H, W]`
  ///   - box: where it begins, in pixels of the resized image
  ///   - stride: pixels per cell of the level
  ///   - cells: how far it slides
  ///   - channel: nil for the one that varies most where the box slides
  ///   - bin: nil for the middle one
  ///   - bins: the grid of bins
  /// - Precondition: channel and bin are there, and `cells` is at least 1.
  /// - Complexity: O(P C Y X) samples per operator
  public init(
    _ features: Tensor, box: Box, stride: Int, axis: SweepAxis, cells: Int = 1,
    channel: Int? = nil, bin: (row: Int, column: Int)? = nil, bins: BinGrid,
    operators: [RoIOperator] = Sweep.operators
  ) {
    precondition(cells >= 1, "a box slides by at least a cell")
    let bin = bin ?? (bins.rows / 2, bins.columns / 2)
    let scale = 1 / Float(stride)
    let positions = (0...cells * Self.stepsPerCell).map { Float($0) / Float(Self.stepsPerCell) }
    let boxes = positions.map { position in
      let (x, y) = axis == .x ? (position * Float(stride), 0) : (0, position * Float(stride))
      return Box(box.x1 + x, box.y1 + y, box.x2 + x, box.y2 + y)
    }
    let last = boxes[boxes.count - 1]
    let around = RoISurroundings(
      Box(box.x1, box.y1, last.x2, last.y2), spatialScale: scale, rows: features.shape[1],
      columns: features.shape[2])
    let channel = channel ?? around.mostVaryingChannel(features)
    let channels = features.shape[0]
    precondition(
      (0..<channels).contains(channel) && (0..<bins.rows).contains(bin.row)
        && (0..<bins.columns).contains(bin.column), "no channel \(channel) or bin \(bin)")
    let each = channels * bins.count
    let place = (channel * bins.rows + bin.row) * bins.columns + bin.column
    var jumpPlace: Int?
    curves = operators.map { roiOperator in
      let found = roiOperator(features, boxes: boxes, spatialScale: scale, bins: bins)
        .values  // [P, C, Y, X]
      var (largest, largestPlace): (Float, Int) = (0, place)
      for index in 0..<(positions.count - 1) * each {
        let step = abs(found[index + each] - found[index])
        if step > largest { (largest, largestPlace) = (step, index % each) }
      }
      let shown = jumpPlace ?? largestPlace
      jumpPlace = shown
      func values(at place: Int) -> [Float] { positions.indices.map { found[$0 * each + place] } }
      let chosen = values(at: place)
      return SweepCurve(
        roiOperator: roiOperator, name: roiOperator.fullName, values: chosen,
        valuesAtJump: values(at: shown), largestJump: largest,
        largestJumpInBin: zip(chosen, chosen.dropFirst()).reduce(0) { max($0, abs($1.0 - $1.1)) })
    }
    let shown = jumpPlace ?? place
    jump = (
      shown / bins.count, shown % bins.count / bins.columns, shown % bins.columns
    )
    let statistics = features.statistics
    range = statistics.maximum - statistics.minimum
    surroundings = around.cut(features).slice(channel)
    origin = (around.x, around.y)
    (self.positions, self.box, self.stride, self.axis) = (positions, box, stride, axis)
    (self.channel, self.bin, self.bins) = (channel, bin, bins)
  }

  /// A jump as a part of the level's range.
  public func relative(_ jump: Float) -> Float { range > 0 ? jump / range : 0 }

  /// The curves as a table: a line per position, a column per operator.
  public var csv: String {
    let names = curves.map { $0.name.replacing(", ", with: " ") }
    let header = (["shift in cells", "shift in input pixels"] + names).joined(separator: ",")
    let lines = positions.indices.map { index in
      ([positions[index], positions[index] * Float(stride)] + curves.map { $0.values[index] })
        .map { "\($0)" }.joined(separator: ",")
    }
    return ([header] + lines).joined(separator: "\n") + "\n"
  }
}

extension RoIOperator {
  /// `RoIPool`, `RoIWarp`, `RoIAlign`; `RoIAlign, aligned` where half a cell is taken off.
  public var fullName: String {
    if case .align(_, true, _) = self { name + ", aligned" } else { name }
  }
}

/// A sweep over a trace's own features, and where it took them from.
public struct TraceSweep: Sendable {
  /// The sweep.
  public let sweep: Sweep
  /// Which proposal slides.
  public let proposal: Int
  /// The level that it is read from, 2 for P2.
  public let level: Int

  /// Slides a proposal of a trace over the level that fits it.
  ///
  /// - Parameters:
  ///   - trace: with the stages 0, 1 and 3
  ///   - proposal: nil for the best that does not touch the image's edge
  ///   - channel: nil for the one that varies most where it slides
  ///   - bin: nil for the middle one
  /// - Throws: `Fault` if a stage is missing, or there is no such proposal, channel or bin.
  public init(
    _ trace: Trace, proposal: Int? = nil, channel: Int? = nil, axis: SweepAxis = .x,
    bin: (row: Int, column: Int)? = nil, cells: Int = 1
  ) throws {
    let input = try trace.current(InputStage.name)
    let size = try InputSizes(input).resized
    let source = try trace.current("3-proposals")
    let boxes = try source.boxes("proposals", inside: size)
    let reading =
      try trace.has(RoIStage.name) ? RoIOptions(trace.stage(RoIStage.name)) : .torchvision
    let pyramid = try RoIPyramid(
      input: input, backbone: trace.current("1-backbone"), reading.assignment)
    guard
      let chosen = proposal
        ?? bestInside(boxes, width: Float(size.width), height: Float(size.height)),
      boxes.indices.contains(chosen)
    else {
      throw Fault(
        source.folder.path,
        boxes.isEmpty
          ? "there are no proposals" : "the proposals are 0 to \(boxes.count - 1)",
        remedy: "Name one that there is with --proposal")
    }
    let level = pyramid.level(of: boxes[chosen])
    let features = pyramid.features(ofLevel: level).slice(0)  // [C, H, W]
    let bins = BinGrid(reading.bins)
    guard (0..<features.shape[0]).contains(channel ?? 0) else {
      throw Fault(
        "--channel \(channel ?? 0)", "the channels are 0 to \(features.shape[0] - 1)",
        remedy: "Name one of them")
    }
    guard (0..<bins.rows).contains(bin?.row ?? 0), (0..<bins.columns).contains(bin?.column ?? 0)
    else {
      throw Fault(
        "--bin", "rows are 0 to \(bins.rows - 1), columns 0 to \(bins.columns - 1)",
        remedy: "Name a bin of them as ROW,COLUMN")
    }
    self.proposal = chosen
    self.level = level
    sweep = Sweep(
      features, box: boxes[chosen], stride: pyramid.stride(ofLevel: level), axis: axis,
      cells: cells,
      channel: channel, bin: bin, bins: bins)
  }
}
