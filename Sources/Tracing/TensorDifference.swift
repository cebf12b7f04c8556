import Tensors

/// How far two tensors of one shape and element type lie apart.
public struct TensorDifference: Sendable, Equatable {
  /// How many elements were compared.
  public private(set) var count = 0
  /// How many of them are not equal: -0 equals 0, and NaN equals NaN.
  public private(set) var differing = 0
  /// How many of the differing ones are NaN or infinite on one side or on both. No range covers
  /// them.
  public private(set) var differingNonFinite = 0
  /// How many of the differing ones are categories.
  public private(set) var differingCategories = 0
  /// The greatest absolute difference of two finite quantities.
  public private(set) var greatest: Double = 0
  /// The greatest difference of two finite quantities as a part of the range: greatest minus least
  /// finite element of the first tensor, or their magnitude where all are equal.
  public private(set) var relative: Double = 0
  /// Whether the elements are integers, which agree only if they are equal.
  public private(set) var isIntegral = false
  /// Whether all elements are categories, which have no range.
  public private(set) var isCategorical = false

  /// Compares floats.
  ///
  /// - Parameter range: the range of the whole tensor where the first side holds samples of it; nil
  ///   for that of the elements
  public init(
    _ first: [Float], _ second: [Float], range: Double? = nil, kind: TensorKind = .quantity
  ) {
    self.init(count: first.count, second.count, kind)
    var (least, most) = (Float.infinity, -Float.infinity)
    for (p, q) in zip(first, second) {
      if p.isFinite { (least, most) = (min(least, p), max(most, p)) }
      guard p != q, !(p.isNaN && q.isNaN) else { continue }
      differing += 1
      if kind == .category {
        differingCategories += 1
      } else if p.isFinite && q.isFinite {
        greatest = max(greatest, abs(Double(p) - Double(q)))
      } else {
        differingNonFinite += 1
      }
    }
    guard greatest > 0 else { return }
    let (low, high) = (Double(least), Double(most))
    let divisor = range ?? (high > low ? high - low : abs(high))
    relative = divisor > 0 ? greatest / divisor : .infinity
  }

  /// Compares integers.
  public init(_ first: [Int], _ second: [Int], kind: TensorKind) {
    self.init(count: first.count, second.count, kind)
    isIntegral = true
    for (p, q) in zip(first, second) where p != q {
      differing += 1
      if kind == .category {
        differingCategories += 1
      } else {
        greatest = max(greatest, abs(Double(p) - Double(q)))
        // In 64 bits two large neighbours have one double: they differ by 1 at least.
        if greatest == 0 { greatest = 1 }
      }
    }
    guard greatest > 0, let least = first.min(), let most = first.max() else { return }
    let divisor = most > least ? Double(most) - Double(least) : abs(Double(most))
    relative = divisor > 0 ? greatest / divisor : .infinity
  }

  /// Compares matrices column by column, each by a range of its own.
  ///
  /// - Parameter columns: what each column holds
  public init(_ first: [Float], _ second: [Float], columns: [TensorKind]) {
    self.init(count: first.count, second.count, .quantity)
    count = 0
    func elements(_ values: [Float], _ column: Int) -> [Float] {
      stride(from: column, to: values.count, by: columns.count).map { values[$0] }
    }
    for (column, kind) in columns.enumerated() {
      let part = TensorDifference(elements(first, column), elements(second, column), kind: kind)
      count += part.count
      differing += part.differing
      differingNonFinite += part.differingNonFinite
      differingCategories += part.differingCategories
      greatest = max(greatest, part.greatest)
      relative = max(relative, part.relative)
    }
  }

  private init(count: Int, _ other: Int, _ kind: TensorKind) {
    precondition(count == other, "\(count) and \(other) elements")
    self.count = count
    isCategorical = kind == .category
  }

  /// The part of the elements that differ.
  public var share: Double { count == 0 ? 0 : Double(differing) / Double(count) }

  /// Whether the tensors agree: finite floats within a part of their range; integers, categories,
  /// NaN and infinities exactly; everything exactly where the tolerance is 0.
  public func agrees(within tolerance: Float) -> Bool {
    guard differing > 0 else { return true }
    guard tolerance > 0, !isIntegral, differingNonFinite == 0, differingCategories == 0 else {
      return false
    }
    return relative <= Double(tolerance)
  }
}
