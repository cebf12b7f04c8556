// How the time of an image grows with its size, and with the number of proposals.

import Foundation
import Inference
import Kernels
import Model
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Tensors

/// How long something takes, over how much of something there is.
public struct ScalingCurve: Codable, Sendable {
  /// One place on the curve.
  public struct Point: Codable, Sendable {
    /// The amount as text: `256 x 320`, `1000 proposals`.
    public var name: String
    /// The amount, in the curve's unit.
    public var amount: Double
    /// Seconds of each run.
    public var seconds: [Double]

    /// The quickest run, in seconds: what else runs on a machine only ever adds time, so this is
    /// nearest to what the work costs.
    public var least: Double { seconds.min() ?? 0 }
    /// The run in the middle.
    public var median: Double { Timing(name: name, seconds: seconds).median }
  }

  /// What was timed.
  public let name: String
  /// What the amount counts, one of it: `megapixel`, `1000 proposals`.
  public let unit: String
  /// The measurements, by ascending amount.
  public let points: [Point]
  /// The slope of the straight line through the logarithms of amount and least time, by least
  /// squares:
  ///
  ///     p = Σ (x - x̄)(y - ȳ) / Σ (x - x̄)²    with x = ln amount, y = ln seconds
  ///
  /// The time grows about as the amount to the power of p: 1 is linear, 2 quadratic. Nil where
  /// there are fewer than two amounts.
  public let exponent: Double?
  /// The same slope through the upper half of the points, where costs that do not grow hide less
  /// of what does.
  public let upperExponent: Double?
  /// Whether the time grows no faster than the amount, to the largest amounts: neither exponent is
  /// over 1. A tenth is let pass, for measured times are not exact.
  public let isAtMostLinear: Bool

  /// Makes a curve and fits its exponent.
  public init(name: String, unit: String, points: [Point]) {
    self.name = name
    self.unit = unit
    self.points = points
    exponent = slope(points)
    upperExponent = slope(Array(points.suffix((points.count + 1) / 2)))
    isAtMostLinear = max(exponent ?? 0, upperExponent ?? 0) <= 1.1
  }
}

/// The slope of time over amount, both as logarithms; nil where all amounts are equal.
private func slope(_ points: [ScalingCurve.Point]) -> Double? {
  let x = points.map { log($0.amount) }
  let y = points.map { log(max($0.least, 1e-9)) }
  let count = Double(max(x.count, 1))
  let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
  let spread = x.reduce(0) { $0 + ($1 - meanX) * ($1 - meanX) }
  guard spread > 0 else { return nil }
  return zip(x, y).reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) } / spread
}

/// Times the whole model on one image in several sizes, at which the network then works: nothing
/// is resized again.
///
/// The sizes take turns, so that a machine that slows down slows all of them.
///
/// - Parameters:
///   - image: `[3, H0, W0]`, RGB in 0...1
///   - sizes: rows and columns
///   - runs: how often each size is timed, after one run of the smallest that is not
///   - report: told what is about to run
/// - Returns: a curve of the whole model, and one of the part that reads every pixel, trunk and
///   pyramid; their unit is the megapixel
public func imageScaling(
  _ model: MaskRCNNModel, image: Tensor, sizes: [(rows: Int, columns: Int)], runs: Int,
  report: (String) -> Void
) -> [ScalingCurve] {
  var model = model
  model.settings.resize = .factor(1)
  let network = Network(model)
  let empty = sizes.map { size in
    ScalingCurve.Point(
      name: "\(size.rows) x \(size.columns)", amount: Double(size.rows * size.columns) * 1e-6,
      seconds: [])
  }
  var (whole, backbone) = (empty, empty)
  for run in 0...runs {
    for (index, size) in sizes.enumerated() where run > 0 || index == 0 {
      report("image of \(whole[index].name), run \(run) of \(runs)")
      let resized = resizeBilinear(image, rows: size.rows, columns: size.columns)
      let (first, (pyramid, sizes)) = seconds {
        let input = network.input([resized])
        return (network.pyramid(input.tensor), input.sizes)
      }
      let (second, _) = seconds { network.detections(pyramid, sizes) }
      guard run > 0 else { continue }
      backbone[index].seconds.append(first)
      whole[index].seconds.append(first + second)
    }
  }
  return [
    ScalingCurve(name: "whole model", unit: "megapixel", points: whole),
    ScalingCurve(name: "input, trunk and pyramid", unit: "megapixel", points: backbone),
  ]
}

/// Times what every proposal costs, RoIAlign and box head, for several numbers of proposals: the
/// option `postNMSTopN` of stage 3.
///
/// - Parameters:
///   - image: `[3, H0, W0]`, RGB in 0...1
///   - limits: numbers of proposals, rising; an image may have fewer than the last ones
///   - runs: how often each is timed, after one run of the fewest that is not
///   - report: told what is about to run
public func proposalScaling(
  _ model: MaskRCNNModel, image: Tensor, limits: [Int], runs: Int, report: (String) -> Void
) -> ScalingCurve {
  var network = Network(model)
  report("pyramid and proposals")
  let input = network.input([image])
  let levels = network.pyramid(input.tensor)
  let pyramid = network.roiPyramid(levels, input: input.padded)
  let most = limits.max() ?? 0
  // Of torchvision's best 1000 per level too few may survive suppression.
  network.proposalOptions.preNMSTopN = max(network.proposalOptions.preNMSTopN, most)
  network.proposalOptions.postNMSTopN = most
  // By descending score: the first n are what the limit n hands on.
  let boxes = network.proposedBoxes(
    network.candidates(levels, input: input.padded), input.sizes)[0]
  let counts = Set(limits.map { min($0, boxes.count) }).filter { $0 > 0 }.sorted()
  var points = counts.map {
    ScalingCurve.Point(name: "\($0)", amount: Double($0) * 1e-3, seconds: [])
  }
  for run in 0...runs {
    for (index, count) in counts.enumerated() where run > 0 || index == 0 {
      report("\(count) proposals, run \(run) of \(runs)")
      let (time, _) = seconds {
        boxPrediction(
          network.features(pyramid, [Array(boxes.prefix(count))], bins: network.boxBins),
          model.boxHead)
      }
      if run > 0 { points[index].seconds.append(time) }
    }
  }
  return ScalingCurve(name: "RoIAlign and box head", unit: "1000 proposals", points: points)
}

/// Times non-maximum suppression for several numbers of boxes, made by the operators' formula, in a
/// image of one size. More boxes there overlap more: its cost is known to grow faster than their
/// number, O(n log n + n k) for n boxes of which k stay.
///
/// - Parameters:
///   - counts: numbers of boxes, rising
///   - runs: how often each is timed, after one run that is not
public func suppressionScaling(
  counts: [Int], runs: Int, report: (String) -> Void
) -> ScalingCurve {
  var noise = BenchmarkNoise(seed: 1)
  let boxes = noise.boxes(counts.max() ?? 0, width: 1088, height: 800)
  let scores = boxes.map { _ in noise.next() }
  let points = counts.map { count in
    report("suppression among \(count) boxes")
    let (timing, _) = measure("\(count)", runs: runs) {
      keptByNonMaximumSuppression(
        Array(boxes.prefix(count)), scores: Array(scores.prefix(count)), threshold: 0.7)
    }
    return ScalingCurve.Point(
      name: timing.name, amount: Double(count) * 1e-3, seconds: timing.seconds)
  }
  return ScalingCurve(name: "non-maximum suppression", unit: "1000 boxes", points: points)
}

/// How long something takes once, and its result.
private func seconds<Result>(_ body: () -> Result) -> (Double, Result) {
  let clock = ContinuousClock()
  let start = clock.now
  let result = body()
  return (start.duration(to: clock.now) / .seconds(1), result)
}
