import Stage0Input
import Stage1Backbone
import Stage4RoI
import Tensors

extension Exhibit {
  /// One box, read from its level by RoIPool, RoIWarp and RoIAlign, down to the single product.
  static let microscope = Exhibit(
    name: "microscope",
    uses: [
      "microscope/roi", "microscope/state", "microscope/keys", "microscope/box", "microscope/map",
      "microscope/layers", "microscope/grids", "microscope/sample", "microscope/bin",
      "microscope/edges",
    ],
    stage: "4-roi", title: "RoI microscope",
    lead: """
      One box, read by three operators. Move the box to see what each of them reads; choose one of \
      the 49 bins to see every number that enters it.
      """
  ) { source, data in try MicroscopeContent(source, &data) }
}

/// A level that the microscope reads.
struct RoILevel: Encodable {
  /// `P2`
  let name: String
  let rows: Int
  let columns: Int
  /// Pixels of the network's input per cell.
  let stride: Float
  /// The channels that are there, as arrays `P2/28`.
  let channels: [Int]
  /// How many channels the level has.
  let of: Int
}

/// What the microscope begins with.
struct MicroscopeContent: Encodable {
  /// Bins along each side.
  let bins: Int
  /// Which level a box is read from.
  let rule: LevelRule
  /// The levels that RoIs are read from, as far as the page holds channels of them.
  let levels: [RoILevel]
  /// The proposal that it begins with.
  let proposal: Int
  /// The channel that it begins with, on that proposal's level; nil if the level is not held.
  let channel: Int?
  /// The options that were in force in this trace.
  let samplingRatio: Int
  let aligned: Bool
  let maximum: Bool
  /// `RoIAlign`, the operator that this trace used.
  let used: String

  /// Gathers it; nil where the trace lacks the levels or the proposals.
  init?(_ source: PageSource, _ data: inout PageData) throws {
    let held = try PageMaps.levelsForRoIs(source)
    guard !held.isEmpty, let example = try RoIExampleChoice(source) else { return nil }
    let proposals = try source.trace.stage("3-proposals")
    data.add("proposals/boxes", try proposals.tensor("proposals"), as: .float32)
    if source.has("3-proposals", "scores") {
      data.add("proposals/scores", try proposals.tensor("scores"), as: .float32)
    }
    let padded = try source.sizes().padded
    let backbone = try source.trace.stage("1-backbone")
    var (entries, channel): ([RoILevel], Int?) = ([], nil)
    for name in held {
      let features = try backbone.pyramidLevel(name, of: padded)  // [1, C, H, W]
      let map = FeatureMap(name, features, padded: padded, image: padded)
      if name == example.level { channel = example.channel(of: map) }
      entries.append(
        RoILevel(
          name: name, rows: map.features.shape[2], columns: map.features.shape[3],
          stride: map.stride,
          channels: try PageMaps.addExact(map, of: source, to: &data), of: features.shape[1]))
    }
    (levels, proposal, self.channel) = (entries, example.proposal, channel)
    bins = source.roiReading.bins
    rule = LevelRule(source.roiReading.assignment)
    let options = try source.trace.stage("4-roi").record.options
    let roiOperator = RoIOperator(recorded: options) ?? .torchvision
    used = roiOperator.name
    switch roiOperator {
    case .pool: (samplingRatio, aligned, maximum) = (2, false, false)
    case .warp(let ratio, let greatest):
      (samplingRatio, aligned, maximum) = (ratio, false, greatest)
    case .align(let ratio, let half, let greatest):
      (samplingRatio, aligned, maximum) = (ratio, half, greatest)
    }
  }
}
