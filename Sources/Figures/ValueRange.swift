/// The values from one end of an axis or a colour bar to the other, and the place of each between
/// them. Values come from any weights and any trace: all may be equal, or 1e20 and its neighbour, or
/// the least and the greatest that a float can be. So the length is never 0 and nothing overflows.
struct ValueRange: Sendable, Equatable {
  /// The value at the beginning.
  let low: Float
  /// The value at the end, greater than `low`.
  let high: Float

  /// A range of two ends. Where there is nothing between them, the end is `length` further, or at
  /// the next number where that is the same one.
  init(_ low: Float, _ high: Float, atLeast length: Float = 1) {
    let largest = Float.greatestFiniteMagnitude
    let low = low.isNaN ? 0 : min(max(low, -largest), largest)
    let high = high.isNaN ? low : min(max(high, -largest), largest)
    if high > low {
      (self.low, self.high) = (low, high)
    } else {
      let end = max(low + length, low.nextUp)
      (self.low, self.high) = end.isFinite ? (low, end) : (low.nextDown, low)
    }
  }

  init(_ range: ClosedRange<Float>) { self.init(range.lowerBound, range.upperBound) }

  /// The place of a value: 0 at the beginning, 1 at the end, less or more outside. Finite for finite
  /// values.
  func share(of value: Float) -> Float {
    let length = high - low
    let share = (value - low) / length
    if share.isFinite { return share }
    // A length or a distance above the greatest float.
    guard value.isFinite else { return value }
    let share64 = (Double(value) - Double(low)) / (Double(high) - Double(low))
    return Float(min(max(share64, -1e9), 1e9))
  }

  /// The value at a place.
  func value(at share: Float) -> Float {
    let value = low + share * (high - low)
    return value.isFinite ? value : low * (1 - share) + high * share
  }
}

extension Int {
  /// The whole number towards 0 of any float; 0 for NaN, at most a billion in magnitude: pixels and
  /// cells have no greater numbers.
  package init(bounded value: Float) {
    self = value.isNaN ? 0 : Int(Swift.min(Swift.max(value, -1e9), 1e9))
  }
}
