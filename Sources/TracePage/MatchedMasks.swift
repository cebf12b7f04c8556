import Figures
import Stage0Input
import Stage5Heads
import Stage6Masks
import Tensors
import Tracing

/// The masks of two traces of one image, where an object that both found has one colour.
struct MatchedMasks {
  /// Objects that are the same in both: their masks' IoU is over 0.5.
  let both: Int
  let onlyFirst: Int
  let onlySecond: Int
  private let rasters: (first: Raster, second: Raster)

  /// IoU over which two masks are of one object.
  private static let sameObject = 0.5
  /// Pixels across each view.
  private static let width = 420

  /// Matches the masks that both traces show; nil where one of them has none, or they are equal.
  ///
  /// - Throws: `Fault` if a trace is damaged.
  init?(_ first: Trace, _ second: Trace) throws {
    guard let ours = try labelMapOfShown(first), let theirs = try labelMapOfShown(second),
      (ours.width, ours.height) == (theirs.width, theirs.height), ours.values != theirs.values,
      first.has(InputStage.name)
    else { return nil }
    let image = Raster(try first.stage(InputStage.name).imageAsDecoded())
    guard (image.width, image.height) == (ours.width, ours.height) else { return nil }
    let partners = Self.partners(ours.values, theirs.values)
    both = partners.count
    onlyFirst = Set(ours.values).subtracting([0]).count - both
    onlySecond = Set(theirs.values).subtracting([0]).count - both
    let matched = Set(partners.values)
    rasters = (
      Self.coloured(image, ours.values) { matched.contains($0) ? $0 : nil },
      Self.coloured(image, theirs.values) { partners[$0] }
    )
  }

  /// What the page's template takes of both.
  var context: [String: Any] {
    func shown(_ raster: Raster) -> [String: String] {
      Thumbnail(raster, width: Self.width, quality: 80).context
    }
    return [
      "first": [shown(rasters.first)], "second": [shown(rasters.second)], "both": "\(both)",
      "onlyFirst": "\(onlyFirst)", "onlySecond": "\(onlySecond)",
    ]
  }

  /// The label in the first map of every object of the second that is the same, each at most once,
  /// the greatest IoU first.
  private static func partners(_ first: [Int], _ second: [Int]) -> [Int: Int] {
    struct Pair: Hashable { var ours, theirs: Int }
    var areas: (first: [Int: Int], second: [Int: Int]) = ([:], [:])
    var shared: [Pair: Int] = [:]
    for (ours, theirs) in zip(first, second) {
      if ours > 0 { areas.first[ours, default: 0] += 1 }
      if theirs > 0 { areas.second[theirs, default: 0] += 1 }
      if ours > 0, theirs > 0 { shared[Pair(ours: ours, theirs: theirs), default: 0] += 1 }
    }
    let overlaps = shared.map { pair, count in
      let union = (areas.first[pair.ours] ?? 0) + (areas.second[pair.theirs] ?? 0) - count
      return (pair: pair, overlap: Double(count) / Double(union))
    }.filter { $0.overlap > sameObject }.sorted {
      ($1.overlap, $0.pair.ours, $0.pair.theirs) < ($0.overlap, $1.pair.ours, $1.pair.theirs)
    }
    var (partners, taken): ([Int: Int], Set<Int>) = ([:], [])
    for (pair, _) in overlaps where partners[pair.theirs] == nil && !taken.contains(pair.ours) {
      partners[pair.theirs] = pair.ours
      taken.insert(pair.ours)
    }
    return partners
  }

  /// The image with every mask in the colour of an object of the first trace, or in white where
  /// there is none.
  private static func coloured(_ image: Raster, _ labels: [Int], _ object: (Int) -> Int?) -> Raster
  {
    var raster = image
    var colours: [Int: Colour] = [:]
    for (pixel, label) in labels.enumerated() where label > 0 {
      let colour =
        colours[label] ?? object(label).map { Palette.instance($0 - 1) } ?? Colour.white
      colours[label] = colour
      raster.blend(x: pixel % image.width, y: pixel / image.width, colour, 0.65)
    }
    return raster
  }
}

/// Which object each image pixel belongs to: 0 for none, i + 1 for object i of those that a result
/// shows; nil where the trace does not hold it.
///
/// - Throws: `Fault` if the trace is damaged.
func labelMapOfShown(_ trace: Trace) throws -> (values: [Int], width: Int, height: Int)? {
  guard trace.has(MasksStage.name), trace.has(HeadsStage.name) else { return nil }
  let stage = try trace.stage(MasksStage.name)
  guard stage.holds("label_map"),
    let shape = stage.record.tensors.first(where: { $0.name == "label_map" })?.shape,
    shape.count == 2,
    let scores = try trace.stage(HeadsStage.name).arrayIfKept("scores")?.tensor.values
  else { return nil }
  let shown = Overlay.shown(scores).count
  return (
    try stage.integers("label_map").map { $0 > shown ? 0 : $0 }, shape[1], shape[0]
  )
}
