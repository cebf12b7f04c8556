import Foundation
import Tensors
import Tracing

/// How far a result may lie from the reference, and why so far.
public struct Tolerance: Sendable, Equatable {
  /// Greatest difference, as a part of the reference's range.
  public let relative: Float
  /// Where the difference comes from.
  public let reason: String

  /// Makes a tolerance.
  public init(_ relative: Float, _ reason: String) {
    self.relative = relative
    self.reason = reason
  }

  /// For integers, and for operations that only select or copy.
  public static let exact = Tolerance(0, "nothing is summed or rounded")
}

/// One tensor of one golden case, compared with the reference.
public struct GoldenResult: Sendable {
  /// `operators/roi_align`, `bundled`
  public let suite: String
  /// `scale4-aligned-ratio2-7x7`, `4-roi`
  public let name: String
  /// The tensor.
  public let tensor: String
  /// How it compares; the reference is the first side.
  public let finding: TensorComparison.Finding
  /// How far it may lie off.
  public var tolerance: Tolerance

  /// Whether it agrees with the reference.
  public var passes: Bool { finding.agrees(within: tolerance.relative) }

  /// The result in a line.
  public var summary: String {
    let found =
      switch finding {
      case .compared(let difference):
        "\(difference.differing) of \(difference.count) elements differ, at most by "
          + "\(difference.greatest), \(difference.relative) of the range; of them "
          + "\(difference.differingNonFinite) are not finite, "
          + "\(difference.differingCategories) are categories"
      case .types(let ours, let theirs): "elements of \(theirs), the reference has \(ours)"
      case .shapes(let ours, let theirs): "shape \(theirs), the reference has \(ours)"
      case .onlyFirst: "missing"
      case .onlySecond: "the reference does not have it"
      case .notKept: "not kept"
      }
    return "\(suite) \(name) \(tensor): \(found); allowed are \(tolerance.relative)"
  }
}

/// One recorded case of an operation: parameters, inputs, and what the reference made of them.
public struct GoldenCase: Sendable {
  /// A parameter's value.
  enum Parameter: Sendable, Decodable {
    case flag(Bool)
    case number(Double)
    case numbers([Double])
    case text(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let value = try? container.decode(Bool.self) {
        self = .flag(value)
      } else if let value = try? container.decode(Double.self) {
        self = .number(value)
      } else if let value = try? container.decode([Double].self) {
        self = .numbers(value)
      } else {
        self = .text(try container.decode(String.self))
      }
    }
  }

  private struct Record: Decodable {
    var name: String
    var parameters: [String: Parameter]
    var inputs: [String: String]
    var outputs: [String: String]
    var expected: [String: Parameter]
  }

  private struct List: Decodable {
    var cases: [Record]
  }

  private let record: Record
  private let folder: URL

  /// The case's name.
  public var name: String { record.name }

  /// The cases in a folder, as its `cases.json` lists them.
  static func all(in folder: URL) throws -> [GoldenCase] {
    let file = folder.appending(path: "cases.json")
    let bytes = try readBytes(of: file)
    do {
      let list = try JSONDecoder().decode(List.self, from: Data(bytes))
      return list.cases.map { GoldenCase(record: $0, folder: folder) }
    } catch {
      throw Fault(
        file.path, "this is no list of golden cases (\(error))", remedy: "Record the goldens again")
    }
  }

  func has(_ input: String) -> Bool { record.inputs[input] != nil }

  func input(_ name: String) throws -> NumericArray { try array(record.inputs[name], name) }

  func output(_ name: String) throws -> NumericArray { try array(record.outputs[name], name) }

  /// The names of all outputs that the reference recorded, in alphabetical order.
  var outputNames: [String] { record.outputs.keys.sorted() }

  func hasOutput(_ name: String) -> Bool { record.outputs[name] != nil }

  func double(_ name: String) throws -> Double {
    guard case .number(let value)? = record.parameters[name] else { throw missing(name) }
    return value
  }

  func number(_ name: String) throws -> Float { Float(try double(name)) }

  func integer(_ name: String) throws -> Int { Int(try number(name)) }

  func flag(_ name: String) throws -> Bool {
    guard case .flag(let value)? = record.parameters[name] else { throw missing(name) }
    return value
  }

  func numbers(_ name: String) throws -> [Float] {
    guard case .numbers(let values)? = record.parameters[name] else { throw missing(name) }
    return values.map { Float($0) }
  }

  func expectedText(_ name: String) throws -> String {
    guard case .text(let value)? = record.expected[name] else { throw missing(name) }
    return value
  }

  private func array(_ file: String?, _ name: String) throws -> NumericArray {
    guard let file else { throw missing(name) }
    return try NPY.read(folder.appending(path: file))
  }

  private func missing(_ name: String) -> Fault {
    Fault(
      folder.appending(path: "cases.json").path, "the case \(record.name) has no \(name)",
      remedy: "Record the goldens again")
  }
}
