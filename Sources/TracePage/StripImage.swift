import Figures
import Foundation
import Kernels
import Stage0Input
import Stage1Backbone
import Stage6Masks
import Tensors
import Tracing

// What the strip of the first screen shows of each stage, drawn from the stage's tensors.

extension PageSource {
  /// A small view of what a stage made; nil where the trace does not hold what it needs.
  func stripImage(of stage: String) throws -> Thumbnail? {
    guard isCurrent(stage), let raster = try stripRaster(of: stage) else { return nil }
    return Thumbnail(raster, width: Strip.side, quality: 70)
  }

  private func stripRaster(of stage: String) throws -> Raster? {
    switch stage {
    case "0-input": return try ground()
    case "1-backbone":
      let folder = try trace.stage(stage)
      let names = folder.levels("P").map { "P\($0)" } + folder.levels("C").map { "C\($0)" }
      guard let finest = names.first(where: { has(stage, $0) }) else { return nil }
      let size = try sizes()
      let map = FeatureMap(
        finest, try folder.tensor(finest), padded: size.padded, image: size.resized)
      return heat(map.mean, map.isSigned ? .diverging : .sequential)
    case "2-anchors":
      let folder = try trace.stage(stage)
      guard
        let level = folder.levels("objectness.P").first(where: { has(stage, "objectness.P\($0)") })
      else { return nil }
      let logits = try folder.tensor("objectness.P\(level)")  // [1, A, H, W]
      guard logits.shape.rank == 4 else { return nil }
      return heat(greatest(logits), .diverging(limit: 8))
    case "3-proposals":
      guard has(stage, "proposals") else { return nil }
      return try boxes(
        try trace.stage(stage).boxes("proposals").prefix(Strip.mostBoxes), Palette.level(3))
    case "4-roi":
      guard has(stage, "features") else { return nil }
      return grids(try trace.stage(stage).tensor("features"))
    case "5-heads":
      guard has(stage, "boxes") else { return nil }
      return try boxes(try trace.stage(stage).boxes("boxes")[...], .orange)
    case "6-masks": return try coloured()
    case "7-targets":
      guard has(stage, "truth.boxes") else { return nil }
      return try boxes(try trace.stage(stage).boxes("truth.boxes")[...], .green)
    case "8-losses":
      guard has(stage, "losses") else { return nil }
      return bars(try trace.stage(stage).tensor("losses").values)
    case "9-gradients":
      guard has(stage, "dinput") else { return nil }
      let gradient = try trace.stage(stage).tensor("dinput")  // [1, 3, H, W]
      guard gradient.shape.rank == 4 else { return nil }
      // The slopes of most pixels are far below the greatest: their square root is shown.
      let sizes = greatest(gradient.map { abs($0).squareRoot() })
      return heat(sizes, .sequential)
    default: return nil
    }
  }

  /// The image, dimmed where something is drawn over it.
  private func ground(dimmed: Float = 0) throws -> Raster? {
    guard trace.has("0-input"), isCurrent("0-input") else { return nil }
    var raster = Raster(try trace.stage("0-input").imageAsDecoded())
    let share = Double(2 * Strip.side) / Double(max(raster.width, raster.height))
    raster = raster.resized(
      width: max(1, Int(Double(raster.width) * share)),
      height: max(1, Int(Double(raster.height) * share)))
    raster.fill(
      Box(0, 0, Float(raster.width), Float(raster.height)), .black, opacity: dimmed)
    return raster
  }

  /// Boxes in input pixels over the image.
  private func boxes(_ boxes: ArraySlice<Box>, _ colour: Colour) throws -> Raster? {
    guard var raster = try ground(dimmed: 0.35) else { return nil }
    let size = try sizes().resized
    let (x, y) = (
      Float(raster.width) / Float(size.width), Float(raster.height) / Float(size.height)
    )
    for box in boxes.reversed() {
      raster.outline(
        Box(box.x1 * x, box.y1 * y, box.x2 * x, box.y2 * y), Stroke(colour, thickness: 2))
    }
    return raster
  }

  /// The image with the masks that are shown, each in its colour.
  private func coloured() throws -> Raster? {
    guard let labels = try shownLabelMap(), var raster = try ground(dimmed: 0.2) else { return nil }
    for y in 0..<raster.height {
      for x in 0..<raster.width {
        let row = y * labels.height / raster.height
        let label = labels.values[row * labels.width + x * labels.width / raster.width]
        if label > 0 { raster.blend(x: x, y: y, Palette.instance(label - 1), 0.75) }
      }
    }
    return raster
  }
}

enum Strip {
  /// What each view shows.
  static let words = [
    "0-input": "The image", "1-backbone": "A feature map", "2-anchors": "Objectness",
    "3-proposals": "Proposals over the image", "4-roi": "Features of some RoIs",
    "5-heads": "The boxes of the detections", "6-masks": "The masks",
    "7-targets": "The known objects",
    "8-losses": "The five losses", "9-gradients": "The gradient at the image",
  ]
  /// Pixels across a view.
  static let side = 132
  /// So many proposals at most: more would cover the image.
  static let mostBoxes = 120
  /// So many RoIs along each side.
  static let grids = 4
}

/// Numbers `[H, W]` as colours.
private func heat(_ values: Tensor, _ scale: ColourScale) -> Raster {
  let fitted = scale.fitted(to: [values])
  var raster = Raster(width: values.shape[1], height: values.shape[0])
  for (place, value) in values.values.enumerated() {
    let colour = fitted.colour(value)
    raster.bytes[3 * place] = colour.red
    raster.bytes[3 * place + 1] = colour.green
    raster.bytes[3 * place + 2] = colour.blue
  }
  return raster
}

/// The greatest of the channels at every cell.
///
/// - Parameter maps: `[1, C, H, W]`
private func greatest(_ maps: Tensor) -> Tensor {
  let plane = maps.shape[2] * maps.shape[3]
  var most = [Float](repeating: -.infinity, count: plane)
  for channel in 0..<maps.shape[1] {
    for cell in 0..<plane { most[cell] = max(most[cell], maps.values[channel * plane + cell]) }
  }
  return Tensor([maps.shape[2], maps.shape[3]], most)
}

/// The first RoIs' features, the mean over the channels, in rows and columns of grids.
///
/// - Parameter features: `[R, C, Y, X]`
private func grids(_ features: Tensor) -> Raster? {
  guard features.shape.rank == 4, features.shape[0] > 0 else { return nil }
  let (rows, columns) = (features.shape[2], features.shape[3])
  let count = min(features.shape[0], Strip.grids * Strip.grids)
  let means = (0..<count).map { meanOverChannels(features.slice($0)) }
  let scale = ColourScale.diverging.fitted(to: means)
  let cell = max(1, 2 * Strip.side / (Strip.grids * (max(rows, columns) + 1)))
  let (width, height) = (cell * (columns + 1), cell * (rows + 1))
  var raster = Raster(width: Strip.grids * width, height: Strip.grids * height)
  for (number, mean) in means.enumerated() {
    let grid = heat(mean, scale).resized(width: cell * columns, height: cell * rows)
    raster.paste(
      grid, x: number % Strip.grids * width + cell / 2,
      y: number / Strip.grids * height + cell / 2)
  }
  return raster
}

/// The losses as bars from the bottom.
private func bars(_ losses: [Float]) -> Raster? {
  guard let most = losses.max(), most > 0, most.isFinite else { return nil }
  let side = 2 * Strip.side
  var raster = Raster(width: side, height: side, colour: Colour(243, 241, 236))
  let step = side / losses.count
  for (place, loss) in losses.enumerated() where loss.isFinite {
    let height = Int(Float(side - 24) * loss / most)
    raster.fill(
      x: place * step + step / 8, y: side - height, width: step - step / 4, height: height, .blue)
  }
  return raster
}
