import Figures
import Stage0Input
import Stage2Anchors
import Stage3Proposals
import Stage5Heads
import Stage7Targets
import Tensors

/// What stage 8 draws from.
struct LossesDrawing: Sendable {
  var backdrop: Backdrop
  /// The padded input's size.
  var padded: ImageSize
  var levels: [LevelCandidates]
  var anchors: AnchorTargets
  var rois: RoITargets
  var truth: ImageTruth
  var losses: TrainingLosses
  var boxes: BoxPrediction
  /// Of each positive RoI's own class, `[P, M, M]`.
  var maskProbabilities: Tensor
  var classNames: [String]

  var figures: [StageFigure] {
    [
      StageFigure(
        "losses",
        lookFor:
          "the longest bar: what training would change most here. A loss is small because its "
          + "parts are, or because few of those that it is divided by cost anything."
      ) { lossesFigure },
      StageFigure(
        "objectness",
        lookFor:
          "bright cells between objects: something that looks like one and is not annotated, "
          + "or two that are taken for one. And bright cells on objects: positive anchors that the "
          + "network does not recognise.",
        isEmpty: anchors.sampled.isEmpty
      ) { objectnessFigure },
      StageFigure(
        "expensive-rois",
        lookFor: "RoIs that the truth and the network see differently: a part of an object, two at "
          + "once, or an object that nobody annotated.",
        isEmpty: rois.sampled.isEmpty
      ) { expensiveFigure },
      StageFigure(
        "mask-loss",
        lookFor: "the rim: inside and outside the network is sure and right, which costs next to "
          + "nothing; on the edge it hesitates. A bright patch is a part that it takes for another "
          + "object.",
        isEmpty: rois.positives.isEmpty
      ) { masksFigure },
    ]
  }

  func percent(_ share: Float) -> String { "\(Numerals.decimals(Double(share) * 100, 0)) %" }

  /// The five losses as bars, and what they are made of.
  var lossesFigure: Figure {
    let colours: [LossName: Colour] = [
      .objectness: .blue, .rpnBoxes: .blue, .classes: .orange, .boxes: .orange, .masks: .green,
    ]
    return Figure(
      "The five losses",
      caption: "Each is the sum of its parts divided by a number: the objectness and box losses of "
        + "the region proposal network both by the number of sampled anchors, those of the box head "
        + "both by the number of sampled RoIs, the mask loss by its pixels. Training makes their "
        + "total smaller, here \(Numerals.short(losses.total, digits: 4)).",
      columns: 1,
      legend: [
        LegendEntry("region proposal network", .blue), LegendEntry("box head", .orange),
        LegendEntry("mask head", .green),
      ]
    ) {
      Chart.bars(
        LossName.allCases.map {
          Chart.Bar($0.words, losses[$0].value, colours[$0] ?? .grey)
        }, "Losses", axis: "loss")
      TablePanel(
        "What they are taken over", header: ["loss", "elements", "sum", "divided by", "value"],
        rows: LossName.allCases.map { name in
          let loss = losses[name]
          return [
            name.words, "\(loss.elements.count)", Numerals.short(Float(loss.sum), digits: 4),
            "\(loss.divisor)", Numerals.short(loss.value, digits: 4),
          ]
        }, keys: LossName.allCases.map { colours[$0] ?? .grey })
    }
  }

  /// What every anchor's objectness costs, or would cost, over the image, level by level.
  var objectnessFigure: Figure {
    let grids = AnchorGrids(levels)
    let maps = zip(levels, grids.levels).map { level, grid in costs(level, grid) }
    // Few anchors cost more than 2, a probability of 0.14 for what is right; the others would be
    // dark.
    let limit = min(max(maps.flatMap(\.values).max() ?? 0, 1e-3), 2)
    let sampled = Dictionary(
      uniqueKeysWithValues: zip(anchors.sampled, losses.rpn.objectness.elements.values))
    return Figure(
      "Objectness loss: where the network is wrong about anchors",
      caption: "Binary cross-entropy, per cell the greatest among its anchors. It is shown for all "
        + "anchors that are positive or negative, ignored ones cost nothing; the loss is taken over "
        + "the \(anchors.sampled.count) sampled ones, of which the ten most expensive are marked.",
      columns: 3, sharing: .sequential(0...limit), units: "loss",
      legend: [
        LegendEntry("positive, among the ten most expensive", .green, .line),
        LegendEntry("negative, among the ten most expensive", .red, .line),
      ]
    ) {
      for (map, grid) in zip(maps, grids.levels) {
        objectnessView(map, grid, sampled: sampled)
      }
      plain
    }
  }

  private var plain: ImageView {
    var view = ImageView(backdrop.raster, "The image, for comparison")
    view.longestSide = 340
    return view
  }

  private func objectnessView(
    _ map: Tensor, _ grid: AnchorGrid, sampled: [Int: Float]
  ) -> ImageView {
    let own = sampled.filter { grid.indices.contains($0.key) }
    let expensive = sampled.sorted {
      $0.value > $1.value || ($0.value == $1.value && $0.key < $1.key)
    }
    .prefix(10).map(\.key).filter { grid.indices.contains($0) }
    func drawn(_ label: MatchLabel) -> [Box] {
      expensive.filter { anchors.matches[$0].label == label }.map {
        levels[grid.level - levels[0].level].anchors[$0 - grid.first]
      }
    }
    let sum = own.values.reduce(0, +) / Float(max(losses.rpn.objectness.divisor, 1))
    var view = ImageView(
      backdrop.raster,
      "P\(grid.level): \(own.count) sampled, \(Numerals.decimals(Double(sum), 4)) of the loss",
      dimmed: 0.7,
      heat: .init(
        map,
        stride: Float(anchorStride(of: padded, rows: grid.rows, columns: grid.columns).columns),
        opacity: 0.75),
      layers: [
        .boxes(drawn(.negative), Stroke(.red, thickness: 1.5)),
        .boxes(drawn(.positive), Stroke(.green, thickness: 1.5)),
      ])
    view.longestSide = 340
    return view
  }

  /// The greatest loss among the positive and negative anchors of each cell, `[H, W]`.
  private func costs(_ level: LevelCandidates, _ grid: AnchorGrid) -> Tensor {
    var values = [Float](repeating: 0, count: grid.cells)
    let targets = Tensor(
      level.objectness.shape,
      (0..<grid.shapes).flatMap { shape in
        (0..<grid.cells).map { cell in
          anchors.matches[grid.first + cell * grid.shapes + shape].label == .positive ? 1 : 0
        }
      })
    let losses = binaryCrossEntropy(level.objectness, targets: targets)  // [1, A, H, W]
    for shape in 0..<grid.shapes {
      for cell in 0..<grid.cells {
        let label = anchors.matches[grid.first + cell * grid.shapes + shape].label
        guard label != .ignored else { continue }
        values[cell] = max(values[cell], losses.values[shape * grid.cells + cell])
      }
    }
    return Tensor([grid.rows, grid.columns], values)
  }
}
