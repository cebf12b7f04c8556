// What COCO's evaluation averages over. Source: pycocotools, cocoeval.py, class Params.

/// Which part of an object is compared.
public enum OverlapKind: String, Sendable, CaseIterable {
  /// The boxes around the objects.
  case boxes
  /// The pixels of the objects.
  case masks
}

/// Objects of some sizes.
public struct AreaRange: Sendable, Equatable {
  /// `all`, `small`, `medium` or `large`.
  public let name: String
  /// The least and the greatest area in pixels, both included.
  public let areas: ClosedRange<Double>

  /// COCO's four ranges: all, up to 32 x 32 pixels, up to 96 x 96, from there on. An area on a
  /// border belongs to both ranges.
  public static let coco = [
    AreaRange(name: "all", areas: 0...1e10), AreaRange(name: "small", areas: 0...1024),
    AreaRange(name: "medium", areas: 1024...9216), AreaRange(name: "large", areas: 9216...1e10),
  ]
}

/// How detections are evaluated.
public struct EvaluationSettings: Sendable, Equatable {
  /// Whether boxes or masks are compared.
  public let kind: OverlapKind
  /// Of each image and class, no more than this many detections count: 1, 10 and the number that
  /// the results are cut to.
  public let limits: [Int]

  /// The greatest of the limits.
  public var maxDetections: Int { limits[2] }

  /// Makes settings.
  ///
  /// - Precondition: `maxDetections` is at least 10
  public init(kind: OverlapKind, maxDetections: Int = 100) {
    precondition(maxDetections >= 10, "at least 10 detections, not \(maxDetections)")
    self.kind = kind
    limits = [1, 10, maxDetections]
  }

  /// The intersections over union from which on a detection is true, 0.50, 0.55, …, 0.95.
  ///
  /// An overlap can be equal to a threshold, so these have the bits of `numpy.linspace(0.5, 0.95,
  /// 10)`: `i * step + 0.5`, of which some are not the numbers nearest to 0.55, 0.6, ….
  public static let overlapThresholds: [Double] = {
    let step = (0.95 - 0.5) / 9
    return (0..<10).map { $0 == 9 ? 0.95 : Double($0) * step + 0.5 }
  }()

  /// The recalls at which precision is read, 0, 0.01, …, 1; bits as `numpy.linspace(0, 1, 101)`.
  public static let recallThresholds: [Double] = (0...100).map {
    $0 == 100 ? 1 : Double($0) * 0.01
  }
}
