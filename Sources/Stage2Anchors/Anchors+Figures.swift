import Kernels
import Figures
import Stage0Input
import Tensors

/// What stage 2 draws of one level.
struct LevelDrawing: Sendable {
  /// `P2`
  var name: String
  var prediction: RPNPrediction
  /// `H W A` boxes: for every row, every column, every shape.
  var anchors: [Box]
  /// The anchors of the cell at (0, 0).
  var base: [Box]
  /// Pixels per cell.
  var stride: (rows: Int, columns: Int)

  /// 2 for P2, which decides the level's colour.
  var number: Int { name.last?.wholeNumberValue ?? 2 }
  var rows: Int { grid.rows }
  var columns: Int { grid.columns }
  /// Where its anchors are; they count from 0.
  var grid: AnchorGrid {
    let shape = prediction.objectness.shape
    return AnchorGrid(level: number, rows: shape[2], columns: shape[3], shapes: shape[1])
  }
}

/// What stage 2 draws from.
struct AnchorsDrawing: Sendable {
  var backdrop: Backdrop
  /// P2 first.
  var levels: [LevelDrawing]
  /// What the head predicts for each level's cells.
  var cells: [CellPredictions]

  init(backdrop: Backdrop, levels: [LevelDrawing]) {
    self.backdrop = backdrop
    self.levels = levels
    cells = Threads.map(levels.count) { CellPredictions(levels[$0]) }
  }

  var figures: [StageFigure] {
    [
      StageFigure(
        "anchors",
        lookFor: "the level whose anchors are about as large as the objects: that is the level "
          + "that should find them. The three shapes of a cell have the same area, but for rounding."
      ) { anchorsFigure },
      StageFigure(
        "objectness",
        lookFor: "which level lights up on which object: small ones on fine levels, large ones "
          + "on coarse ones. Levels whose anchors fit nothing stay dark."
      ) { objectnessFigure },
      StageFigure(
        "shifts",
        lookFor: "in the detail, arrows of neighbouring cells that point to the middle of the "
          + "same object: many anchors propose it, and stage 3 keeps the best."
      ) { shiftsFigure },
      StageFigure(
        "sizes",
        lookFor: "red where the anchor is too small for the object at this place, blue where it "
          + "is too large. Only the cells that are sure of an object matter."
      ) { sizesFigure },
    ]
  }

  /// The anchors of one cell of every level, with the cell, and their sizes in a table.
  var anchorsFigure: Figure {
    Figure(
      "Anchors: the boxes of one cell on every level",
      caption: "First the anchors of one cell of every level on the whole image, then each "
        + "level enlarged: the cell nearest to the image's middle (filled) and its anchors, "
        + "centred on the cell's upper left corner. The same boxes lie at every cell.",
      columns: 4,
      legend: levels.map { LegendEntry($0.name, Palette.level($0.number), .line) }
    ) {
      anchorsView("All levels", levels)
      for level in levels { anchorsView("\(level.name), stride \(level.stride.columns)", [level]) }
      anchorsTable
    }
  }

  /// The anchors of the middle cell of some levels; of one level alone, enlarged.
  private func anchorsView(_ title: String, _ levels: [LevelDrawing]) -> ImageView {
    var region: Box?
    if levels.count == 1, let level = levels.first {
      let (place, _, _) = middle(level)
      // Pixels are enlarged by whole factors: the largest at which the anchors have room.
      let needed = 0.75 * (level.base.map { max($0.width, $0.height) }.max() ?? 1)
      let factor = max((110 / needed).rounded(.down), 1)
      let half = max(needed, (110 / factor).rounded(.down))
      region = Box(place.x - half, place.y - half, place.x + half, place.y + half)
    }
    var view = ImageView(
      backdrop.raster, title, dimmed: 0.4,
      layers: levels.flatMap { level -> [Layer] in
        let (_, cell, anchors) = middle(level)
        let colour = Palette.level(level.number)
        return [
          .shade(cell, colour, opacity: 0.8), .boxes(anchors, Stroke(colour, thickness: 2)),
        ]
      }, region: region)
    view.longestSide = 220
    return view
  }

  /// The corner of the cell nearest to the image's middle, the cell, and its anchors.
  private func middle(_ level: LevelDrawing) -> (corner: Point, cell: Box, anchors: [Box]) {
    let (height, width) = (backdrop.height, backdrop.width)
    let row = min(height / 2 / level.stride.rows, level.rows - 1)
    let column = min(width / 2 / level.stride.columns, level.columns - 1)
    let (x, y) = (Float(column * level.stride.columns), Float(row * level.stride.rows))
    let first = level.grid.index(row: row, column: column, shape: 0)
    let cell = Box(x, y, x + Float(level.stride.columns), y + Float(level.stride.rows))
    return (Point(x, y), cell, Array(level.anchors[first..<first + level.base.count]))
  }

  private var anchorsTable: TablePanel {
    var total = 0
    var rows = levels.map { level in
      total += level.anchors.count
      let shapes = level.base.map { "\(Int($0.width)) × \(Int($0.height))" }
      return [
        level.name, "\(level.columns) × \(level.rows)", "\(level.anchors.count)",
        shapes.joined(separator: ", "),
      ]
    }
    rows.append(["all", "", "\(total)", ""])
    return TablePanel(
      "Base anchors in input pixels", header: ["level", "cells", "anchors", "width × height"],
      rows: rows, keys: levels.map { Palette.level($0.number) })
  }
}
