// The options of a stage as its `stage.json` records them, to run the same stage again.

import Stage5Heads
import Stage6Masks
import Tracing

extension HeadsStage {
  /// Takes the numbers that an earlier run recorded.
  mutating func take(_ options: [String: OptionValue]) {
    if let value = options["scoreThreshold"]?.number { settings.scoreThreshold = Float(value) }
    if let value = options["leastSide"]?.number { settings.leastSide = Float(value) }
    if let value = options["nmsThreshold"]?.number { settings.nmsThreshold = value }
    if let value = options["mostDetections"]?.number { settings.mostDetections = Int(value) }
  }
}

extension MasksStage {
  /// Takes the numbers that an earlier run recorded.
  mutating func take(_ options: [String: OptionValue]) {
    if let value = options["threshold"]?.number { threshold = Float(value) }
  }
}

extension OptionValue {
  /// The value of a number, whole or not, that lies in a sensible range.
  var number: Double? {
    switch self {
    case .integer(let value) where abs(value) < 1 << 32: Double(value)
    case .number(let value) where abs(value) < 0x1p32: value
    default: nil
    }
  }
}
