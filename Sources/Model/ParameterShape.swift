import Foundation
import Tensors

/// The name and shape of one parameter.
public struct ParameterShape: Sendable, Hashable, Codable {
  /// `backbone.body.layer1.0.conv1.weight`
  public var name: String
  /// Extents, outermost axis first.
  public var shape: [Int]

  /// Makes a name with a shape.
  public init(_ name: String, _ shape: [Int]) {
    self.name = name
    self.shape = shape
  }

  /// Reads a list, `[{"name": "…", "shape": [64, 3, 7, 7]}, …]`.
  ///
  /// - Throws: `Fault` if the file is missing or no such list.
  public static func readList(_ file: URL) throws -> [ParameterShape] {
    let data = try readData(of: file)
    let remedy = "Write it with Fixtures/record/seeded_weights.py"
    guard let list = try? JSONDecoder().decode([ParameterShape].self, from: data) else {
      throw Fault(file.path, "this is no list of names and shapes", remedy: remedy)
    }
    for parameter in list {
      let isBounded = parameter.shape.allSatisfy { (0...1 << 20).contains($0) }
      let count = parameter.shape.reduce(1.0) { $0 * Double($1) }
      guard isBounded, count < 1e9 else {
        throw Fault(file.path, "\(parameter.name) has an impossible shape", remedy: remedy)
      }
    }
    return list
  }
}
