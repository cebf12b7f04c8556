import Foundation
import Tensors

/// How two tensors of one name in two traces compare.
public struct TensorComparison: Sendable, Equatable {
  /// What was found.
  public enum Finding: Sendable, Equatable {
    /// Compared element by element.
    case compared(Difference)
    /// The shapes differ, so elements cannot be compared.
    case shapes(Shape, Shape)
    /// Only the first trace has the tensor.
    case onlyFirst
    /// Only the second trace has it.
    case onlySecond
    /// One of the traces did not keep it as a file.
    case notKept
  }

  /// How far two tensors of one shape lie apart.
  public struct Difference: Sendable, Equatable {
    /// How many elements were compared.
    public var count: Int
    /// How many of them are not equal.
    public var differing: Int
    /// The greatest absolute difference.
    public var greatest: Float
    /// Greatest minus least element of the first tensor; its magnitude where all are equal.
    public var range: Float
    /// Whether both tensors hold integers.
    public var isIntegral: Bool

    /// Compares the elements of two tensors of one shape. A NaN equals a NaN; on one side only, it
    /// is infinitely far from anything.
    public init(_ first: [Float], _ second: [Float], range: Float? = nil, isIntegral: Bool) {
      precondition(first.count == second.count, "\(first.count) and \(second.count) elements")
      count = first.count
      differing = 0
      greatest = 0
      self.isIntegral = isIntegral
      let (least, most) = (first.min() ?? 0, first.max() ?? 0)
      self.range = range ?? (most > least ? most - least : abs(most))
      for (p, q) in zip(first, second) where p != q && !(p.isNaN && q.isNaN) {
        differing += 1
        greatest = (p - q).isNaN ? .infinity : max(greatest, abs(p - q))
      }
    }

    /// The greatest difference as a part of the first tensor's range.
    public var relative: Float { greatest == 0 ? 0 : range > 0 ? greatest / range : .infinity }
  }

  /// The stage's folder name.
  public var stage: String
  /// The tensor's name.
  public var name: String
  /// What was found.
  public var finding: Finding

  /// Whether there are two tensors with elements or shapes to hold against each other.
  public var isComparable: Bool {
    switch finding {
    case .compared, .shapes: true
    case .onlyFirst, .onlySecond, .notKept: false
    }
  }

  /// Whether the tensors agree, integers exactly, floats within a part of their range, or cannot be
  /// compared.
  public func agrees(within tolerance: Float) -> Bool {
    !isComparable || finding.agrees(within: tolerance)
  }
}

extension TensorComparison.Finding {
  /// Whether the tensors were compared and agree.
  public func agrees(within tolerance: Float) -> Bool {
    guard case .compared(let difference) = self else { return false }
    return difference.isIntegral ? difference.differing == 0 : difference.relative <= tolerance
  }
}

/// Two traces side by side, stage by stage, tensor by tensor.
public struct TraceComparison: Sendable {
  /// The part of a tensor's range within which floats agree, unless somebody asks for another: runs
  /// of one program differ by less, and whatever a reader would notice differs by more.
  public static let usualTolerance: Float = 1e-4

  /// The stages that both traces have, in order.
  public var stages: [String]
  /// The stages that only one of them has.
  public var unmatched: [String]
  /// Every tensor of the stages that both have.
  public var tensors: [TensorComparison]

  /// Compares all stages that both traces have.
  ///
  /// - Throws: `Fault` if a folder is damaged.
  public init(_ first: Trace, _ second: Trace) throws {
    let (ours, theirs) = (first.stages, second.stages)
    let shared = ours.filter(theirs.contains)
    stages = shared
    unmatched = (ours + theirs).filter { !shared.contains($0) }.sorted()
    tensors = try shared.flatMap { try compare(first.stage($0), second.stage($0)) }
  }

  /// How many tensors stand in one trace alone, or were not kept, so that nothing can be said.
  public var incomparable: Int { tensors.count { !$0.isComparable } }

  /// The first stage with a tensor that does not agree.
  public func firstDifference(tolerance: Float) -> String? {
    tensors.first { !$0.agrees(within: tolerance) }?.stage
  }
}

/// Compares the tensors of two folders of one stage.
///
/// Where a golden folder holds samples of a tensor, those elements are compared.
///
/// - Throws: `Fault` if a folder is damaged.
public func compare(_ first: StageFolder, _ second: StageFolder) throws -> [TensorComparison] {
  let extra = second.tensorNames.filter { !first.has($0) }
  return try (first.tensorNames + extra).map { name in
    TensorComparison(
      stage: first.record.stage, name: name, finding: try finding(name, first, second))
  }
}

private func finding(
  _ name: String, _ first: StageFolder, _ second: StageFolder
) throws -> TensorComparison.Finding {
  guard let a = first.record.tensors.first(where: { $0.name == name }) else { return .onlySecond }
  guard let b = second.record.tensors.first(where: { $0.name == name }) else { return .onlyFirst }
  guard a.shape == b.shape else { return .shapes(Shape(a.shape), Shape(b.shape)) }
  guard first.isAvailable(name), second.isAvailable(name) else { return .notKept }
  let isIntegral = !a.dtype.hasPrefix("float") && !b.dtype.hasPrefix("float")
  let range = a.maximum > a.minimum ? a.maximum - a.minimum : abs(a.maximum)
  let (x, y): ([Float], [Float])
  if let samples = try first.samples(name) {
    x = samples.values
    y = try second.values(name, at: samples.positions)
  } else if let samples = try second.samples(name) {
    x = try first.values(name, at: samples.positions)
    y = samples.values
  } else {
    x = try first.tensor(name).values
    y = try second.tensor(name).values
  }
  return .compared(
    TensorComparison.Difference(x, y, range: range, isIntegral: isIntegral))
}

extension StageFolder {
  /// The elements at some row-major positions.
  fileprivate func values(_ name: String, at positions: [Int]) throws -> [Float] {
    if let samples = try samples(name) {
      guard samples.positions == positions else {
        throw Fault(
          folder.path, "both traces hold samples of \(name), at different positions",
          remedy: "Compare with a whole trace")
      }
      return samples.values
    }
    let values = try tensor(name).values
    return positions.map { values[$0] }
  }
}
