// The results of an ablation as a CSV file, and their means.

import Foundation
import Tensors
import Tracing
import Training

/// What one trained network reached on images that it did not learn from.
public struct AblationResult: Sendable, Equatable {
  /// What it learned from: `shapes`.
  public var data: String
  /// The network.
  public var ablation: AblationCase
  /// Steps of training.
  public var steps: Int
  /// COCO's average precision of the masks, from 0 to 1.
  public var maskAP: Double
  /// The same where an IoU of 0.5 counts as found.
  public var maskAP50: Double
  /// The same where an IoU of 0.75 counts as found.
  public var maskAP75: Double
  /// COCO's average precision of the boxes.
  public var boxAP: Double
  /// Seconds of training.
  public var seconds: Double
}

extension AblationResult {
  /// The names of the columns.
  static let header =
    "data,levels,variant,seed,steps,mask_ap,mask_ap50,mask_ap75,box_ap,training_seconds"

  /// The columns of one result; precision with four decimals.
  var line: String {
    let numbers = [maskAP, maskAP50, maskAP75, boxAP].map { "\(($0 * 1e4).rounded() / 1e4)" }
    return
      ([
        data, ablation.levels.rawValue, ablation.variant.rawValue, "\(ablation.seed)", "\(steps)",
      ] + numbers + ["\(Int(seconds.rounded()))"]).joined(separator: ",")
  }

  /// Reads what `line` wrote; nil for anything else.
  init?(_ line: Substring) {
    let cells = line.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = cells.dropFirst(3).map { Double($0) }
    guard cells.count == 10, numbers.allSatisfy({ $0?.isFinite ?? false }),
      let levels = SmallNetworkLevels(rawValue: String(cells[1])),
      let variant = AblationVariant(rawValue: String(cells[2])), let seed = UInt64(cells[3]),
      let steps = Int(cells[4])
    else { return nil }
    let values = numbers.compactMap(\.self)
    self.init(
      data: String(cells[0]), ablation: AblationCase(levels, variant, seed: seed), steps: steps,
      maskAP: values[2], maskAP50: values[3], maskAP75: values[4], boxAP: values[5],
      seconds: values[6])
  }

  /// The results in a file; none where there is no file.
  ///
  /// - Throws: `Fault` that names the line that is no result
  public static func read(_ file: URL) throws(Fault) -> [AblationResult] {
    guard let data = try? Data(contentsOf: file) else { return [] }
    var results: [AblationResult] = []
    for (place, line) in String(decoding: data, as: UTF8.self).split(separator: "\n").enumerated()
    where place > 0 {
      guard let result = AblationResult(line) else {
        throw Fault(
          file.relativePath, "line \(place + 1) is no result of an ablation: \(line.prefix(60))",
          remedy: "Correct the line or remove it")
      }
      results.append(result)
    }
    return results
  }

  /// Writes results, a line each; the file appears whole or not at all.
  ///
  /// - Throws: `Fault` if it cannot be written
  public static func write(_ results: [AblationResult], to file: URL) throws {
    let lines = [header] + results.map(\.line)
    try writeWhole(Array((lines.joined(separator: "\n") + "\n").utf8), to: file)
  }
}

/// The results of all seeds of one network.
public struct AblationGroup: Sendable {
  /// What was learned from.
  public let data: String
  /// What the heads read.
  public let levels: SmallNetworkLevels
  /// In what its networks differ.
  public let variant: AblationVariant
  /// Steps of training.
  public let steps: Int
  /// A result per seed, by ascending seed.
  public let results: [AblationResult]

  /// The mean over the seeds of one number, its least and its greatest value.
  public func spread(
    _ number: (AblationResult) -> Double
  ) -> (mean: Double, least: Double, greatest: Double) {
    let values = results.map(number)
    return (
      values.reduce(0, +) / Double(values.count), values.min() ?? .nan, values.max() ?? .nan
    )
  }

  /// Groups results: by data, then levels, then variants, in the order of the paper's tables.
  public static func groups(_ results: [AblationResult]) -> [AblationGroup] {
    var groups: [AblationGroup] = []
    let sets = Set(results.map { "\($0.data) \($0.steps)" }).sorted(by: >)
    for set in sets {
      for levels in SmallNetworkLevels.allCases {
        for variant in AblationVariant.allCases {
          let members = results.filter {
            "\($0.data) \($0.steps)" == set && $0.ablation.levels == levels
              && $0.ablation.variant == variant
          }.sorted { $0.ablation.seed < $1.ablation.seed }
          guard let first = members.first else { continue }
          groups.append(
            AblationGroup(
              data: first.data, levels: levels, variant: variant, steps: first.steps,
              results: members))
        }
      }
    }
    return groups
  }
}
