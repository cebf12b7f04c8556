import Foundation
import Tensors

/// How two tensors of one name in two traces compare.
public struct TensorComparison: Sendable, Equatable {
  /// What was found.
  public enum Finding: Sendable, Equatable {
    /// Compared element by element.
    case compared(TensorDifference)
    /// The shapes differ, so elements cannot be compared.
    case shapes(Shape, Shape)
    /// The elements are of two types, by NumPy's names.
    case types(String, String)
    /// Only the first trace has the tensor.
    case onlyFirst
    /// Only the second trace has it.
    case onlySecond
    /// One of the traces did not keep it as a file.
    case notKept
  }

  /// The stage's folder name.
  public var stage: String
  /// The tensor's name.
  public var name: String
  /// What was found.
  public var finding: Finding

  /// Whether there are two tensors with elements, types or shapes to compare.
  public var isComparable: Bool {
    switch finding {
    case .compared, .shapes, .types: true
    case .onlyFirst, .onlySecond, .notKept: false
    }
  }

  /// Whether the tensors agree, as `TensorDifference` defines it, or cannot be compared.
  public func agrees(within tolerance: Float) -> Bool {
    !isComparable || finding.agrees(within: tolerance)
  }
}

extension TensorComparison.Finding {
  /// Whether the tensors were compared and agree.
  public func agrees(within tolerance: Float) -> Bool {
    difference?.agrees(within: tolerance) ?? false
  }

  /// The difference, where the elements were compared.
  public var difference: TensorDifference? {
    if case .compared(let difference) = self { difference } else { nil }
  }

  /// Compares two arrays of one tensor.
  ///
  /// - Parameters:
  ///   - kind: what the elements are
  ///   - columns: of a matrix whose columns hold different things: what each holds
  public init(
    _ first: NumericArray, _ second: NumericArray, kind: TensorKind = .quantity,
    columns: [TensorKind]? = nil
  ) {
    guard first.shape == second.shape else {
      self = .shapes(first.shape, second.shape)
      return
    }
    guard first.typeName == second.typeName else {
      self = .types(first.typeName, second.typeName)
      return
    }
    if let ours = first.integers, let theirs = second.integers {
      self = .compared(TensorDifference(ours, theirs, kind: kind))
    } else if let columns, !columns.isEmpty, columns.count == first.shape.extents.last {
      self = .compared(
        TensorDifference(first.tensor.values, second.tensor.values, columns: columns))
    } else {
      self = .compared(TensorDifference(first.tensor.values, second.tensor.values, kind: kind))
    }
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
  /// The stages of each trace that are stale. Their tensors are compared all the same, but say
  /// nothing of what the stages would compute now.
  public var stale: (first: [StaleStage], second: [StaleStage])

  /// Compares all stages that both traces have.
  ///
  /// - Throws: `Fault` if a folder is damaged.
  public init(_ first: Trace, _ second: Trace) throws {
    let (ours, theirs) = (first.stages, second.stages)
    let shared = ours.filter(theirs.contains)
    stages = shared
    unmatched = (ours + theirs).filter { !shared.contains($0) }.sorted()
    tensors = try shared.flatMap { try compare(first.stage($0), second.stage($0)) }
    stale = try (first.staleStages(), second.staleStages())
  }

  /// How many tensors are in one trace alone, or were not kept, so that nothing is known.
  public var incomparable: Int { tensors.count { !$0.isComparable } }

  /// Whether a stage of either trace is stale.
  public func isStale(_ stage: String) -> Bool {
    (stale.first + stale.second).contains { $0.stage == stage }
  }

  /// The first stage with a tensor that does not agree.
  public func firstDifference(tolerance: Float) -> String? {
    tensors.first { !$0.agrees(within: tolerance) }?.stage
  }

  /// Whether all tensors agree and no stage of either trace is stale.
  public func agrees(within tolerance: Float) -> Bool {
    firstDifference(tolerance: tolerance) == nil && stale.first.isEmpty && stale.second.isEmpty
  }

  /// What was found in a sentence: `All 41 tensors are equal.` where no element differs.
  public func verdict(tolerance: Float) -> String {
    if let stage = firstDifference(tolerance: tolerance) {
      return "The first stage that differs is \(stage)."
    }
    let differences = tensors.compactMap(\.finding.difference)
    let differing = differences.reduce(0) { $0 + $1.differing }
    if differing == 0 {
      return differences.count == 1
        ? "The tensors are equal." : "All \(differences.count) tensors are equal."
    }
    let elements = differences.reduce(0) { $0 + $1.count }
    return
      "\(differing) of \(elements) elements differ, in \(differences.count { $0.differing > 0 }) "
      + "of \(differences.count) tensors, none by more than \(tolerance) of its tensor's range."
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
  guard a.dtype == b.dtype else { return .types(a.dtype, b.dtype) }
  guard first.isAvailable(name), second.isAvailable(name) else { return .notKept }
  // A category on one side is one: the reference's records and those of before say less.
  let kind: TensorKind = [a.kind, b.kind].contains(.category) ? .category : .quantity
  let range = Double(a.maximum) - Double(a.minimum)
  let known = range.isFinite && range > 0 ? range : nil
  if let samples = try first.samples(name) {
    let values = try second.values(name, at: samples.positions)
    return .compared(TensorDifference(samples.values, values, range: known, kind: kind))
  } else if let samples = try second.samples(name) {
    let values = try first.values(name, at: samples.positions)
    return .compared(TensorDifference(values, samples.values, range: known, kind: kind))
  }
  return .init(
    try first.compared(name), try second.compared(name), kind: kind,
    columns: a.columns ?? b.columns)
}

extension TensorRecord {
  /// What each column holds, of a matrix whose columns hold different things.
  fileprivate var columns: [TensorKind]? {
    categoryColumns.map { categories in
      (axes.last ?? "").split(separator: " ").map {
        categories.contains(String($0)) ? .category : .quantity
      }
    }
  }
}

extension StageFolder {
  /// A tensor's elements, floats as 32-bit ones: what a file holds as 16-bit floats is in memory as
  /// 32-bit ones in the process that wrote it.
  fileprivate func compared(_ name: String) throws -> NumericArray {
    let array = try array(name)
    return array.integers == nil ? NumericArray(array.tensor) : array
  }

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
