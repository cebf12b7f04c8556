import Foundation
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Tracing

// What the page says of a stage that its record does not: which tensors it reads, and the command
// that runs it again with the same options.

/// Tensors of an earlier stage that a stage computes with.
struct StageInput: Sendable {
  /// The earlier stage.
  let stage: String
  /// The tensor, or the first of several levels.
  let first: String
  /// The last of several levels.
  var last: String?

  /// The folder of each stage's source.
  static let sources = [
    InputStage.name: "Stage0Input", BackboneStage.name: "Stage1Backbone",
    AnchorsStage.name: "Stage2Anchors", ProposalsStage.name: "Stage3Proposals",
    RoIStage.name: "Stage4RoI", HeadsStage.name: "Stage5Heads", MasksStage.name: "Stage6Masks",
  ]

  /// What each stage reads, beside the image's sizes.
  static let ofStages: [String: [StageInput]] = [
    BackboneStage.name: [StageInput(stage: InputStage.name, first: "padded")],
    AnchorsStage.name: [StageInput(stage: BackboneStage.name, first: "P2", last: "P6")],
    ProposalsStage.name: ["objectness", "deltas", "anchors"].map {
      StageInput(stage: AnchorsStage.name, first: "\($0).P2", last: "\($0).P6")
    },
    RoIStage.name: [
      StageInput(stage: ProposalsStage.name, first: "proposals"),
      StageInput(stage: BackboneStage.name, first: "P2", last: "P5"),
    ],
    HeadsStage.name: [
      StageInput(stage: RoIStage.name, first: "features"),
      StageInput(stage: ProposalsStage.name, first: "proposals"),
      StageInput(stage: BackboneStage.name, first: "P2", last: "P5"),
    ],
    MasksStage.name: ["boxes", "scores", "labels", "mask_logits"].map {
      StageInput(stage: HeadsStage.name, first: $0)
    },
  ]

  /// How the page's template takes it; nil where the trace does not hold the tensor.
  func context(_ trace: Trace) -> [String: String]? {
    guard trace.has(stage), let record = try? trace.stage(stage).record else { return nil }
    func shape(_ name: String) -> String? {
      record.tensors.first { $0.name == name }.map { extents($0.shape) }
    }
    guard let firstShape = shape(first) else { return nil }
    return [
      "stage": stage,
      "name": last.map { "\(first) … \($0)" } ?? first,
      "shape": last.flatMap { shape($0) }.map { "\(firstShape) … \($0)" } ?? firstShape,
    ]
  }
}

extension Trace {
  /// The name of the folder, as a command takes it that is run beside it.
  var name: String { folder.standardizedFileURL.lastPathComponent }
}

/// `1 × 64 × 256 × 256`
func extents(_ shape: [Int]) -> String {
  shape.isEmpty ? "1" : shape.map(String.init).joined(separator: " × ")
}

/// The command that runs a stage again as it ran, in parts between which a line may break; nil where
/// it ran with an option that no command has.
///
/// - Parameter trace: the trace's folder
func command(_ record: StageRecord, trace: String) -> [String]? {
  // A deliberate mistake sets these.
  guard ["channelOrder", "strides", "deltaOrder"].allSatisfy({ record.options[$0] == nil }) else {
    return nil
  }
  let name = record.stage.drop { $0.isNumber || $0 == "-" }
  var words = ["swift run", "-c release", String(name), "--trace \(quoted(trace))"]
  func add(_ flag: String, _ option: String) {
    if let value = record.options[option] {
      words.append("\(flag) \(quoted(value.commandLineText))")
    }
  }
  switch record.stage {
  case InputStage.name:
    switch record.options["resize"].flatMap({ ModelSettings.Resize($0) }) {
    case .factor(let factor): words.append("--scale \(factor)")
    case .sides(let shorter, let longer): words.append("--min-size \(shorter) --max-size \(longer)")
    case nil: break
    }
  case BackboneStage.name:
    if record.options["blocks"] == .flag(true) { words.append("--blocks") }
  case ProposalsStage.name:
    add("--pre-nms-top-n", "preNMSTopN")
    add("--nms-threshold", "nmsThreshold")
    add("--post-nms-top-n", "postNMSTopN")
    add("--min-size", "minimumSize")
  case RoIStage.name:
    add("--operator", "operator")
    add("--sampling-ratio", "samplingRatio")
    add("--reduction", "reduction")
    if record.options["aligned"] == .flag(true) { words.append("--aligned") }
  case HeadsStage.name:
    add("--score-threshold", "scoreThreshold")
    add("--nms-threshold", "nmsThreshold")
    add("--detections-per-image", "detectionsPerImage")
  case MasksStage.name: add("--threshold", "threshold")
  default: break
  }
  if record.options["kernels"] == .text("plain") { words.append("--kernels plain") }
  return words
}

/// A word as a shell takes it.
func quoted(_ word: String) -> String {
  let plain = word.allSatisfy { $0.isLetter || $0.isNumber || "._-/".contains($0) }
  return plain && !word.isEmpty ? word : "'\(word.replacing("'", with: "'\\''"))'"
}

extension OptionValue {
  /// The value as a command line takes it and a reader likes it: numbers that were 32-bit floats
  /// without the digits that they only have as 64-bit ones.
  var commandLineText: String {
    switch self {
    case .number(let value): shortest(value)
    case .numbers(let values): values.map(shortest).joined(separator: ", ")
    default: description
    }
  }
}

/// The shortest text that gives the same 32-bit float; a whole number without its point.
private func shortest(_ value: Double) -> String {
  let text = String(Float(value))
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
