import Figures
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Tensors
import Tracing

extension Exhibit {
  /// Feature maps of trunk and pyramid, and objectness, cell by cell.
  static let maps = Exhibit(
    name: "maps", uses: ["shared/plane", "maps/receptive-field"], stage: "1-backbone",
    title: "Feature maps, cell by cell",
    lead: """
      Move over the map or the image, or touch them\
      <span class="by-keyboard">, or press arrow keys in the map</span>, to see a cell’s value and \
      the part of the image that it covers. A click <span class="by-keyboard">or Enter</span> holds \
      the cell, so that you can compare levels and channels at one place.
      """
  ) { source, data in
    guard source.trace.has(InputStage.name) else { return nil }
    let levels =
      try source.trace.has(BackboneStage.name)
      ? source.trace.stage(BackboneStage.name).levels("P") : []
    let trunk =
      try source.trace.has(BackboneStage.name)
      ? source.trace.stage(BackboneStage.name).levels("C") : []
    let names = trunk.map { "C\($0)" } + levels.map { "P\($0)" }
    var maps: [MapEntry] = []
    for name in names where source.has(BackboneStage.name, name) {
      let features = try source.trace.stage(BackboneStage.name)
        .pyramidLevel(name, of: source.sizes().padded)  // [1, C, H, W]
      maps.append(try PageMaps.feature(name, features, of: source, &data))
    }
    guard !maps.isEmpty else { return nil }
    for level in levels where source.has(AnchorsStage.name, "objectness.P\(level)") {
      if let map = try PageMaps.objectness(
        level, first: levels[0], source.trace.stage(AnchorsStage.name), &data)
      {
        maps.append(map)
      }
    }
    return MapsContent(
      maps: maps,
      // The page goes the way of torchvision's own pyramid backwards, and no other.
      fields: levels == Array(2...6)
        ? try source.trace.stage(BackboneStage.name).receptiveFields : [],
      headReach: source.trace.has(AnchorsStage.name)
        ? try source.trace.stage(AnchorsStage.name).headReach : nil)
  }
}

/// What the exhibit's script is given.
private struct MapsContent: Encodable {
  let maps: [MapEntry]
  /// Sides of the receptive fields of C2 … C5 in input pixels; empty in a trace that does not say.
  let fields: [Int]
  /// How many cells to each side the region proposal network's head sees.
  let headReach: Int?
}

/// A map that the page shows.
private struct MapEntry: Encodable {
  /// What a map shows.
  enum Kind: String, Encodable {
    /// Output of a layer of the trunk, C2 … C5.
    case trunk
    /// A level of the pyramid, P2 … P6.
    case pyramid
    /// Logits of the region proposal network on a level of the pyramid.
    case objectness
  }

  /// A channel that the page carries.
  struct Channel: Encodable {
    /// Its array.
    let array: String
    /// What the reader reads.
    let label: String
    /// Whether its values are whole, in 32 bits.
    var isExact = false
  }

  /// `P2`, or `objectness P2`
  let name: String
  let kind: Kind
  /// 2 for C2 and P2: a cell stands for 2^level pixels of the network's input.
  let level: Int
  let rows: Int
  let columns: Int
  let channels: [Channel]
  /// How many channels the map has.
  let of: Int
}

/// Which maps a page carries, and how many channels of each.
enum PageMaps {
  /// Channels of another map, that are only looked at: two of a coarse one, one of a fine one.
  static func shown(_ features: Tensor) -> Int {
    features.shape[2] * features.shape[3] > 64 * 64 ? 1 : 2
  }

  /// A feature map `[1, C, H, W]`: its mean over the channels, and those that vary most.
  fileprivate static func feature(
    _ name: String, _ features: Tensor, of source: PageSource, _ data: inout PageData
  ) throws -> MapEntry {
    let isRead = isReadByRoIs(name, source)
    let padded = try source.sizes().padded
    let map = FeatureMap(name, features, padded: padded, image: padded)
    data.add("\(name)/mean", coarse(map.mean), as: .float16)
    let channels =
      isRead
      ? try addExact(map, of: source, to: &data) : map.mostVaryingChannels(shown(features))
    if !isRead {
      for channel in channels {
        data.add("\(name)/\(channel)", coarse(map.channel(channel)), as: .float16)
      }
    }
    let mean = MapEntry.Channel(array: "\(name)/mean", label: "mean of all \(map.channels)")
    return MapEntry(
      name: name, kind: name.hasPrefix("C") ? .trunk : .pyramid,
      level: name.last?.wholeNumberValue ?? 0, rows: map.features.shape[2],
      columns: map.features.shape[3],
      channels: channels.map {
        MapEntry.Channel(array: "\(name)/\($0)", label: "\($0)", isExact: isRead)
      } + [mean], of: map.channels)
  }

  /// The logits of a level, a channel for each shape of anchor; nil where they have another form.
  fileprivate static func objectness(
    _ number: Int, first: Int, _ anchors: StageFolder, _ data: inout PageData
  ) throws -> MapEntry? {
    let level = "P\(number)"
    let logits = try anchors.tensor("objectness.\(level)")  // [1, A, H, W]
    guard logits.shape.rank == 4, logits.shape[0] == 1, logits.count > 0 else { return nil }
    let (shapes, rows, columns) = (logits.shape[1], logits.shape[2], logits.shape[3])
    let base = try anchors.boxes("base_anchors")  // level by level, A each
    let channels = (0..<shapes).map { shape in
      let values = logits.values[shape * rows * columns..<(shape + 1) * rows * columns]
      let array = "objectness.\(level)/\(shape)"
      data.add(array, coarse(Tensor([rows, columns], Array(values))), as: .float16)
      let place = (number - first) * shapes + shape
      let size =
        base.indices.contains(place)
        ? ", \(Numerals.general(base[place].width)) × \(Numerals.general(base[place].height)) pixels"
        : ""
      return MapEntry.Channel(array: array, label: "anchor \(shape)\(size)")
    }
    return MapEntry(
      name: "objectness \(level)", kind: .objectness, level: number, rows: rows, columns: columns,
      channels: channels, of: shapes)
  }

  /// Values rounded to 8 bits of fraction, off by at most one part in 512: as fine as the colours
  /// and the digits that the page shows, and a fifth less to carry.
  static func coarse(_ tensor: Tensor) -> Tensor {
    let dropped: UInt32 = 23 - 8
    let half: UInt32 = 1 << (dropped - 1)
    return Tensor(
      tensor.shape,
      tensor.values.map { value in
        guard value.isFinite else { return value }
        return Float(bitPattern: ((value.bitPattern &+ half) >> dropped) << dropped)
      })
  }
}

extension StageFolder {
  /// Sides of the receptive fields that stage 1 recorded.
  fileprivate var receptiveFields: [Int] {
    guard case .numbers(let sides)? = record.options["receptiveFields"],
      (1...4).contains(sides.count),
      sides.allSatisfy({ $0.isFinite && (1...1e6).contains($0) })
    else { return [] }
    return sides.map { Int($0) }
  }

  /// The cells to each side that stage 2's head sees, with as many 3 × 3 convolutions.
  fileprivate var headReach: Int? {
    guard case .integer(let count)? = record.options["headConvolutions"] else { return nil }
    return count
  }
}
