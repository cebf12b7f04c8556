import Stage1Backbone
import Stage4RoI
import Tensors

extension PageMaps {
  /// How many channels of a level that RoIs are read from a page carries, in 32 bits: exhibits
  /// compute with them. A fine level's are the largest arrays of the page.
  static func exact(_ map: FeatureMap) -> Int {
    map.features.shape[2] * map.features.shape[3] > 128 * 128 ? 2 : 3
  }

  /// Whether RoIs are read from a level.
  static func isReadByRoIs(_ name: String, _ source: PageSource) -> Bool {
    source.roiReading.assignment.levels.contains { name == "P\($0)" }
  }

  /// The levels that RoIs can be read from on the page: those that the trace holds whole.
  static func levelsForRoIs(_ source: PageSource) throws -> [String] {
    try source.roiReading.assignment.levels.map { "P\($0)" }.filter { name in
      guard source.has("1-backbone", name) else { return false }
      return try source.trace.stage("1-backbone").record.tensors.first { $0.name == name }?.shape
        .count == 4
    }
  }

  /// Adds channels of a level as arrays `P2/28`, once for all exhibits: those that vary most over
  /// the image, and on the example's level the one that varies most around it.
  ///
  /// - Returns: their numbers, by descending variation over the image
  static func addExact(
    _ map: FeatureMap, of source: PageSource, to data: inout PageData
  ) throws -> [Int] {
    var channels = map.mostVaryingChannels(exact(map))
    if let example = try RoIExampleChoice(source), example.level == map.name {
      let channel = example.channel(of: map)
      if !channels.contains(channel) { channels.append(channel) }
    }
    for channel in channels {
      data.add("\(map.name)/\(channel)", map.channel(channel), as: .float32)
    }
    return channels
  }
}

/// Which level a box is read from: `Page.level` computes by it.
struct LevelRule: Encodable {
  /// The finest level, 2 for P2.
  let least: Int
  /// The coarsest level.
  let greatest: Int
  let canonicalLevel: Int
  /// In input pixels.
  let canonicalScale: Float

  init(_ assignment: LevelAssignment) {
    (least, greatest) = (assignment.levels.lowerBound, assignment.levels.upperBound)
    (canonicalLevel, canonicalScale) = (assignment.canonicalLevel, assignment.canonicalScale)
  }
}

extension PageSource {
  /// How stage 4 read RoIs; torchvision's way where the trace does not say.
  var roiReading: RoIOptions {
    (try? RoIOptions(trace.stage(RoIStage.name))) ?? .torchvision
  }
}

/// The proposal that the page begins with, the one that stage 4 draws as its first example.
struct RoIExampleChoice {
  /// Its number.
  let proposal: Int
  let box: Box
  /// The level that it is read from, `P2`.
  let level: String

  /// Chooses it; nil where the trace holds no proposals.
  ///
  /// - Throws: `Fault` if the trace is damaged.
  init?(_ source: PageSource) throws {
    guard source.has("3-proposals", "proposals") else { return nil }
    let size = try source.sizes().resized
    let boxes = try source.trace.stage("3-proposals").boxes("proposals", inside: size)
    guard let best = bestInside(boxes, width: Float(size.width), height: Float(size.height)) else {
      return nil
    }
    (proposal, box) = (best, boxes[best])
    level = "P\(source.roiReading.assignment.level(of: box))"
  }

  /// The channel of its level that varies most around it.
  func channel(of map: FeatureMap) -> Int {
    RoISurroundings(
      box, spatialScale: 1 / map.stride, rows: map.features.shape[2],
      columns: map.features.shape[3]
    ).mostVaryingChannel(map.features)
  }
}
