// The options of a stage as its `stage.json` records them, to run the same stage again.

import Model
import Stage0Input
import Stage2Anchors
import Stage3Proposals
import Stage5Heads
import Stage6Masks
import Tracing

extension InputStage {
  /// Takes the numbers that an earlier run recorded.
  mutating func take(_ options: [String: OptionValue]) {
    if case .text(let words)? = options["resize"], let value = ModelSettings.Resize(words) {
      resize = value
    }
    if let values = options["mean"]?.numbers, values.count == 3 { mean = values }
    if let values = options["standardDeviation"]?.numbers, values.count == 3 {
      standardDeviation = values
    }
    if case .text(let word)? = options["channelOrder"], let order = ChannelOrder(rawValue: word) {
      channelOrder = order
    }
  }
}

extension AnchorsStage {
  /// Takes the numbers that an earlier run recorded.
  mutating func take(_ options: [String: OptionValue]) {
    if let values = options["anchorSizes"]?.numbers { sizes = values }
    if let values = options["anchorAspectRatios"]?.numbers { aspectRatios = values }
    if let values = options["strides"]?.numbers { strides = values.map { Int($0) } }
  }
}

extension ProposalsStage {
  /// Takes the numbers that an earlier run recorded.
  mutating func take(_ options: [String: OptionValue]) {
    if let value = options["topPerLevel"]?.count { settings.topPerLevel = value }
    if let value = options["leastSide"]?.number { settings.leastSide = Float(value) }
    if let value = options["nmsThreshold"]?.number { settings.nmsThreshold = value }
    if let value = options["mostProposals"]?.count { settings.mostProposals = value }
    if case .text(let word)? = options["deltaOrder"], let order = DeltaOrder(rawValue: word) {
      settings.deltaOrder = order
    }
  }
}

extension HeadsStage {
  /// Takes the numbers that an earlier run recorded.
  mutating func take(_ options: [String: OptionValue]) {
    if let value = options["scoreThreshold"]?.number { settings.scoreThreshold = Float(value) }
    if let value = options["leastSide"]?.number { settings.leastSide = Float(value) }
    if let value = options["nmsThreshold"]?.number { settings.nmsThreshold = value }
    if let value = options["mostDetections"]?.count { settings.mostDetections = value }
  }
}

extension MasksStage {
  /// Takes the numbers that an earlier run recorded.
  mutating func take(_ options: [String: OptionValue]) {
    if let value = options["threshold"]?.number { threshold = Float(value) }
  }
}
