import Stage0Input
import Stage1Backbone
import Tensors

extension Exhibit {
  /// Feature maps of trunk and pyramid, cell by cell.
  static let maps = Exhibit(
    name: "maps", stage: "1-backbone", title: "Feature maps to touch",
    lead: """
      Move over a map, or use the arrow keys in it: the cell's value, and the part of the picture \
      that the cell stands for.
      """
  ) { source, data in
    let names = ["C2", "C3", "C4", "C5"] + BackboneStage.levels
    let held = names.filter { source.has("1-backbone", $0) }
    guard !held.isEmpty else { return nil }
    let sizes = try source.sizes()
    let backbone = try source.trace.stage("1-backbone")
    var maps: [MapEntry] = []
    for name in held {
      let features = try backbone.tensor(name)  // [1, C, H, W]
      guard features.shape.rank == 4 else { continue }
      let map = FeatureMap(name, features, padded: sizes.padded, picture: sizes.padded)
      let channels = PageMaps.add(map, of: source, to: &data)
      data.add("\(name)/mean", map.mean, as: .float16)
      maps.append(
        MapEntry(
          name: name, rows: features.shape[2], columns: features.shape[3],
          stride: map.stride, channels: channels, of: features.shape[1], isSigned: map.isSigned))
    }
    return ["maps": maps]
  }
}

/// A map that the page shows.
struct MapEntry: Encodable {
  /// `P2`
  let name: String
  let rows: Int
  let columns: Int
  /// Pixels of the network's input per cell.
  let stride: Float
  /// The channels that are there, as arrays `P2/28`, by falling variation; beside them stands
  /// `P2/mean`.
  let channels: [Int]
  /// How many channels the map has.
  let of: Int
  let isSigned: Bool
}
