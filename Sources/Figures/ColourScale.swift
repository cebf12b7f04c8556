import Foundation
import Tensors

/// Which colour shows which value.
///
/// `.sequential` and `.diverging` take their range from what is drawn; the same with a range keep
/// it, so that several images can be compared.
public struct ColourScale: Sendable, Equatable {
  /// Whether 0 is a middle or just a number.
  public enum Kind: Sendable {
    /// From little to much.
    case sequential
    /// From negative over 0 to positive.
    case diverging
  }

  /// Whether 0 is a middle or just a number.
  public let kind: Kind
  /// The values at the ends of the colour bar, or nil if the data decide.
  public let range: ClosedRange<Float>?

  /// From the least to the greatest value that is drawn.
  public static let sequential = ColourScale(kind: .sequential, range: nil)
  /// From minus to plus the greatest magnitude that is drawn; 0 is white.
  public static let diverging = ColourScale(kind: .diverging, range: nil)
  /// Probabilities and other shares, 0 to 1.
  public static let share = ColourScale.sequential(0...1)

  /// Over a given range; what lies outside gets the colour of its end.
  public static func sequential(_ range: ClosedRange<Float>) -> ColourScale {
    ColourScale(kind: .sequential, range: range)
  }

  /// From `-limit` to `limit`.
  public static func diverging(limit: Float) -> ColourScale {
    ColourScale(kind: .diverging, range: -abs(limit)...abs(limit))
  }

  /// The scale with its range decided by the values that it is to show, all finite ones of them.
  public func fitted(to tensors: [Tensor]) -> ColourScale {
    guard range == nil else { return self }
    var least = Float.infinity
    var greatest = -Float.infinity
    for tensor in tensors {
      let summary = FiniteSummary(tensor.values)
      if summary.count > 0 {
        least = min(least, summary.minimum)
        greatest = max(greatest, summary.maximum)
      }
    }
    guard least <= greatest else { return ColourScale(kind: kind, range: -1...1) }
    if kind == .diverging {
      let limit = max(abs(least), abs(greatest))
      return .diverging(limit: limit > 0 ? limit : 1)
    }
    // One single value still needs a bar with two ends.
    let ends = ValueRange(least, greatest, atLeast: max(abs(least) * 0.01, 1e-6))
    return .sequential(ends.low...ends.high)
  }

  /// The colour of a value; NaN gets `Colour.notANumber`.
  public func colour(_ value: Float) -> Colour {
    let range = range ?? (kind == .diverging ? -1...1 : 0...1)
    let map = kind == .diverging ? ColourMap.diverging : ColourMap.sequential
    guard range.lowerBound < range.upperBound else { return map.colour(at: 0.5) }
    return map.colour(at: ValueRange(range).share(of: value))
  }
}

/// Least, greatest and mean of the numbers among some values, and how many are none.
struct FiniteSummary {
  var count = 0
  var minimum: Float = 0
  var maximum: Float = 0
  var mean: Float = 0
  var notFinite = 0

  init(_ values: [Float]) {
    var sum = 0.0
    for value in values {
      guard value.isFinite else {
        notFinite += 1
        continue
      }
      minimum = count == 0 ? value : min(minimum, value)
      maximum = count == 0 ? value : max(maximum, value)
      sum += Double(value)
      count += 1
    }
    mean = count > 0 ? Float(sum / Double(count)) : 0
  }
}

/// The marks of an axis.
public struct Ticks: Sendable, Equatable {
  /// The positions of the marks: multiples of 1, 2 or 5 times a power of ten.
  public let values: [Float]
  /// What is written there, all with the same number of decimals.
  public let labels: [String]

  /// Round numbers between two ends, at most `most` of them.
  public init(from start: Float, to end: Float, most: Int) {
    guard start.isFinite, end.isFinite, end > start, most > 0 else {
      values = []
      labels = []
      return
    }
    let (low, high) = (Double(start), Double(end))
    var power = Int(log10((high - low) / Double(most)).rounded(.down))
    var step = 0.0
    search: while true {
      for factor in [1.0, 2, 5] {
        step = factor * pow(10, Double(power))
        let count = (high / step).rounded(.down) - (low / step).rounded(.up) + 1
        if count <= Double(most) { break search }
      }
      power += 1
    }
    let first = Int((low / step - 1e-6).rounded(.up))
    let last = Int((high / step + 1e-6).rounded(.down))
    let marks = first <= last ? (first...last).map { Double($0) * step } : []
    values = marks.map(Float.init)
    let decimals = max(0, -power)
    labels = marks.map {
      let plain = abs($0) < step / 2 ? 0 : $0
      return Numerals.decimals(plain, decimals).replacing("-", with: "−")
    }
  }
}
