import Foundation
import Kernels
import Figures
import Tensors

/// What the head predicts for a level's cells, for each cell its anchor of the highest score.
struct CellPredictions: Sendable {
  /// The greatest probability of an object among the cell's anchors, `[H, W]`.
  var probability: Tensor
  /// How far that anchor's centre is to move, `[H, W]`, in sides of the square anchor.
  var shift: Tensor
  /// How often its side is to double, `[H, W]`: log2 of the square root of the change of area.
  var doublings: Tensor
  /// From that anchor's centre to the predicted one, in input pixels.
  var moves: [(from: Point, to: Point)]

  init(_ level: LevelDrawing) {
    let grid = level.grid
    let (rows, columns, cells) = (grid.rows, grid.columns, grid.cells)
    let (logits, deltas) = (level.prediction.objectness.values, level.prediction.deltas.values)
    var probability: [Float] = []
    var shift: [Float] = []
    var doublings: [Float] = []
    moves = []
    for cell in 0..<cells {
      let (row, column) = cell.quotientAndRemainder(dividingBy: columns)
      func logit(_ shape: Int) -> Float {
        logits[grid.logitOffset(row: row, column: column, shape: shape)]
      }
      var best = 0
      for shape in 1..<max(grid.shapes, 1) where logit(shape) > logit(best) { best = shape }
      let anchor = level.anchors[grid.index(row: row, column: column, shape: best)]
      let first = grid.deltaOffset(row: row, column: column, shape: best)
      let dx = deltas[first] * anchor.width
      let dy = deltas[first + cells] * anchor.height
      let from = Point((anchor.x1 + anchor.x2) / 2, (anchor.y1 + anchor.y2) / 2)
      moves.append((from, Point(from.x + dx, from.y + dy)))
      probability.append(sigmoid(logit(best)))
      shift.append((dx * dx + dy * dy).squareRoot() / max(anchor.area.squareRoot(), 1))
      let logarithm = (deltas[first + 2 * cells] + deltas[first + 3 * cells]) / 2
      doublings.append(logarithm / Float(log(2.0)))
    }
    self.probability = Tensor([rows, columns], probability)
    self.shift = Tensor([rows, columns], shift)
    self.doublings = Tensor([rows, columns], doublings)
  }

  /// The cells that are more sure of an object than not.
  var sure: [Int] { probability.values.indices.filter { probability.values[$0] > 0.5 } }
}

extension AnchorsDrawing {
  /// The probability of an object over the image, level by level, on one scale.
  var objectnessFigure: Figure {
    Figure(
      "Objectness: is there an object that fits an anchor of this cell?",
      caption: "Per cell the greatest probability (logistic function of the logit) among its "
        + "anchors, laid over the image at the cell's true size; one scale for all levels.",
      columns: 3, sharing: .share, units: "probability"
    ) {
      for (level, cells) in zip(levels, cells) {
        heat(
          cells.probability, level,
          "\(level.name): \(cells.sure.count) of \(cells.probability.count) cells over 0.5",
          scale: .share)
      }
      image
    }
  }

  /// How far anchors are to move, level by level, and a detail with arrows.
  var shiftsFigure: Figure {
    Figure(
      "Deltas: how far the best anchor of each cell is to move",
      caption: "Length of the shift (dx, dy) in sides of the anchor, over the image. The last "
        + "panel shows shifts as arrows around a sure cell of the level that has most cells over "
        + "0.5.",
      columns: 3, sharing: .sequential(0...0.5), units: "anchor sides"
    ) {
      for (level, cells) in zip(levels, cells) {
        heat(cells.shift, level, title(level, cells), scale: .sequential(0...0.5))
      }
      arrows
    }
  }

  /// By how much anchors are to grow or shrink, level by level.
  var sizesFigure: Figure {
    Figure(
      "Deltas: how much the best anchor of each cell is to grow",
      caption: "Logarithm to base 2 of the change of the side (square root of the area): 1 means "
        + "twice as large, −1 half as large, 0 that the anchor fits.",
      columns: 3, sharing: .diverging(limit: 1.5), units: "doublings of the side"
    ) {
      for (level, cells) in zip(levels, cells) {
        heat(
          cells.doublings, level, "\(level.name): anchors of \(side(level)) input pixels",
          scale: .diverging(limit: 1.5))
      }
      sizesTable
    }
  }

  private var image: ImageView {
    var view = ImageView(backdrop.raster, "The image, for comparison")
    view.longestSide = 300
    return view
  }

  private func heat(
    _ values: Tensor, _ level: LevelDrawing, _ title: String, scale: ColourScale
  ) -> ImageView {
    var view = ImageView(
      backdrop.raster, title, dimmed: 0.7,
      heat: .init(values, stride: Float(level.stride.columns), scale: scale, opacity: 0.8))
    view.longestSide = 300
    return view
  }

  private func side(_ level: LevelDrawing) -> String {
    let square = level.base.min { abs($0.width - $0.height) < abs($1.width - $1.height) }
    return Numerals.short(square?.width ?? 0)
  }

  private func title(_ level: LevelDrawing, _ cells: CellPredictions) -> String {
    let lengths = cells.sure.map { length(cells.moves[$0]) }
    guard let median = median(lengths) else { return "\(level.name): no cell over 0.5" }
    return "\(level.name): over 0.5, median \(Numerals.short(median, digits: 2)) input pixels"
  }

  private func length(_ move: (from: Point, to: Point)) -> Float {
    let (dx, dy) = (move.to.x - move.from.x, move.to.y - move.from.y)
    return (dx * dx + dy * dy).squareRoot()
  }

  private func median(_ values: [Float]) -> Float? {
    values.isEmpty ? nil : values.sorted()[values.count / 2]
  }

  private var arrows: any Panel {
    let counts = cells.map(\.sure.count)
    guard let most = counts.max(), most > 0, let index = counts.firstIndex(of: most) else {
      return TextPanel(
        "No arrows", lines: ["No cell of any level is surer than 0.5 of an object."], width: 240)
    }
    let level = levels[index]
    // About six cells to each side, in whole enlarged pixels.
    let factor = max((150 / Float(6 * level.stride.columns)).rounded(), 1)
    let half = (150 / factor).rounded(.down)
    // An object that the image's edge cuts off shows little: rather one with room around it.
    let (columns, rows) = (Float(backdrop.width) - half, Float(backdrop.height) - half)
    let inner = cells[index].sure.filter {
      let place = cells[index].moves[$0].from
      return place.x >= half && place.x <= columns && place.y >= half && place.y <= rows
    }
    let probability = cells[index].probability.values
    let choice = inner.isEmpty ? cells[index].sure : inner
    let centre = choice.dropFirst().reduce(choice[0]) {
      probability[$1] > probability[$0] ? $1 : $0
    }
    let middle = cells[index].moves[centre].from
    let region = Box(middle.x - half, middle.y - half, middle.x + half, middle.y + half)
    let moves = cells[index].sure.map { cells[index].moves[$0] }.filter {
      $0.from.x > region.x1 && $0.from.x < region.x2 && $0.from.y > region.y1
        && $0.from.y < region.y2
    }
    var view = ImageView(
      backdrop.raster, "Shifts of \(moves.count) cells of \(level.name)",
      dimmed: 0.3,
      layers: [
        .points(moves.map(\.from), .orange, radius: 2),
        .arrows(moves.map { ($0.from, $0.to) }, Stroke(.yellow, thickness: 1.5)),
      ],
      legend: [
        LegendEntry("centre of an anchor", .orange, .dot),
        LegendEntry("to the predicted centre", .yellow, .line),
      ], region: region)
    view.longestSide = 300
    return view
  }

  private var sizesTable: TablePanel {
    TablePanel(
      "Cells over 0.5", header: ["level", "cells", "median shift (input pixels)", "median size"],
      rows: zip(levels, cells).map { level, cells in
        let shift = median(cells.sure.map { length(cells.moves[$0]) })
        let size = median(cells.sure.map { cells.doublings.values[$0] })
        return [
          level.name, "\(cells.sure.count)",
          shift.map { "\(Numerals.short($0, digits: 2))" } ?? "–",
          size.map { "× \(Numerals.short(Float(pow(2, Double($0))), digits: 2))" } ?? "–",
        ]
      }, keys: levels.map { Palette.level($0.number) })
  }
}
