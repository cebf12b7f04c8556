// How the elements of a tensor are distributed: what tells a layer that learns from one that does
// not.

/// Mean, deviation, histogram and dead units of a tensor. Elements that are not finite are left out.
public struct Distribution: Sendable, Equatable {
  /// The mean.
  public let mean: Double
  /// The standard deviation: the root of the mean square distance from the mean.
  public let deviation: Double
  /// The least element.
  public let minimum: Float
  /// The greatest element.
  public let maximum: Float
  /// How many elements lie in each of some equal intervals from the least to the greatest element.
  public let histogram: [Int]
  /// The extent of the axis of units.
  public let units: Int
  /// Units that do nothing: none of their elements is larger than a thousandth of the tensor's
  /// largest, in magnitude. In a convolution's weight a unit is an output channel, in a feature map
  /// a channel that ReLU leaves at 0 everywhere.
  public let deadUnits: Int

  /// What counts as nothing, as a part of the largest magnitude.
  static let nothing: Float = 1e-3

  /// Describes a tensor.
  ///
  /// - Parameters:
  ///   - unitAxis: the axis of the units: 0 of a weight `[Cout, …]`, 1 of a feature map
  ///     `[N, C, H, W]`
  ///   - bins: intervals of the histogram
  public init(_ tensor: Tensor, unitAxis: Int, bins: Int = 16) {
    let values = tensor.values
    let statistics = tensor.statistics
    (minimum, maximum) = (statistics.minimum, statistics.maximum)
    var (sum, count) = (0.0, 0)
    for value in values where value.isFinite {
      sum += Double(value)
      count += 1
    }
    let mean = sum / Double(max(count, 1))
    var squares = 0.0
    var histogram = [Int](repeating: 0, count: bins)
    let width = (Double(maximum) - Double(minimum)) / Double(bins)
    for value in values where value.isFinite {
      let distance = Double(value) - mean
      squares += distance * distance
      let place = width > 0 ? (Double(value) - Double(minimum)) / width : 0
      histogram[min(Int(place), bins - 1)] += 1
    }
    self.mean = mean
    deviation = (squares / Double(max(count, 1))).squareRoot()
    self.histogram = histogram
    let axis = unitAxis < tensor.shape.rank ? unitAxis : 0
    let units = tensor.shape.rank > 0 ? tensor.shape[axis] : 0
    let inner = (axis + 1..<max(tensor.shape.rank, axis + 1)).reduce(1) { $0 * tensor.shape[$1] }
    let least = Self.nothing * max(abs(minimum), abs(maximum))
    var isAlive = [Bool](repeating: false, count: units)
    for (place, value) in values.enumerated() where abs(value) > least {
      isAlive[place / inner % units] = true
    }
    self.units = units
    deadUnits = isAlive.count { !$0 }
  }
}
