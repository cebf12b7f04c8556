import Figures
import Stage2Anchors
import Tensors

extension TargetsDrawing {
  /// Positive, ignored and sampled negative anchors over the image, level by level.
  var anchorsFigure: Figure {
    let sampled = anchors.isSampled
    let thresholds = options.anchors
    let drawnIgnored = "at most \(Self.mostDrawn) of each kind are drawn"
    return Figure(
      "Anchors: which ones the network is to call objects",
      caption: truth.boxes.isEmpty
        ? "There are no objects: every anchor is background."
        : "An anchor is positive from IoU \(Numerals.short(thresholds.positiveThreshold)) with an "
          + "object, or as the best of one; negative below "
          + "\(Numerals.short(thresholds.negativeThreshold)); ignored between. The losses are taken "
          + "over the \(anchors.sampled.count) that are sampled, \(anchors.positives.count) of them "
          + "positive. Per level \(drawnIgnored).",
      columns: 3,
      legend: [
        LegendEntry("positive, sampled", .green, .line),
        LegendEntry("positive, not sampled", .yellow, .dashed),
        LegendEntry("ignored", .orange, .dashed), LegendEntry("negative, sampled", .blue, .line),
      ]
    ) {
      for grid in grids.levels { levelView(grid, sampled) }
      truthView
    }
  }

  private func levelView(_ grid: AnchorGrid, _ sampled: [Bool]) -> ImageView {
    func anchorsWith(_ label: MatchLabel, sampled isSampled: Bool) -> [Box] {
      grid.indices.filter {
        anchors.matches[$0].label == label && sampled[$0] == isSampled
      }.map { boxes[$0] }
    }
    let positive = anchorsWith(.positive, sampled: true)
    let others = anchorsWith(.positive, sampled: false)
    let ignored = anchorsWith(.ignored, sampled: false)
    let negative = anchorsWith(.negative, sampled: true)
    let words =
      "P\(grid.level): \(positive.count + others.count) positive, \(ignored.count) ignored, "
      + "\(negative.count) negative sampled"
    return backdrop.view(
      words,
      [
        .boxes(spread(negative), Stroke(.blue, thickness: 1)),
        .boxes(spread(ignored), Stroke(.orange, thickness: 0.75, dashed: true)),
        .boxes(spread(others), Stroke(.yellow, thickness: 1, dashed: true)),
        .boxes(spread(positive), Stroke(.green, thickness: 1.5)),
      ], side: 380)
  }

  private var truthView: ImageView {
    var layers: [Layer] = []
    for (index, mask) in truth.masks.enumerated() {
      let window = mask.window
      guard window.width > 0, window.height > 0 else { continue }
      let values = mask.isInside.map { $0 ? Float(1) : 0 }
      layers.append(
        .mask(
          Tensor([window.height, window.width], values),
          at: Box(Float(window.x1), Float(window.y1), Float(window.x2), Float(window.y2)),
          Palette.instance(index), opacity: 0.5))
    }
    return backdrop.view("The truth: \(truth.boxes.count) objects", layers, side: 380)
  }

  /// Each object with the anchor that overlaps it most, and the two that fit best and worst.
  var bestFigure: Figure {
    let title = "The best anchor of each object"
    let order = best.indices.sorted { best[$0].overlap < best[$1].overlap }
    guard let worst = order.first, let finest = order.last else {
      return Figure(title, caption: "There are no objects.") {
        backdrop.view("No objects", [], side: 512)
      }
    }
    let levels = Set(best.map { grids.place(of: $0.anchor).level }).sorted()
    let below = best.count { $0.overlap < options.anchors.positiveThreshold }
    return Figure(
      title,
      caption: "Anchors have few shapes and sizes and lie on a grid; the IoU of an object with its "
        + "best one is \(Numerals.short(best[worst].overlap, digits: 2)) to "
        + "\(Numerals.short(best[finest].overlap, digits: 2)) here. For \(below) of "
        + "\(best.count) objects it is below "
        + "\(Numerals.short(options.anchors.positiveThreshold)): their best anchor is positive all "
        + "the same.",
      columns: 2,
      legend: [LegendEntry("object", .white, .line)]
        + levels.map { LegendEntry("best anchor, P\($0)", Palette.level($0), .dashed) }
    ) {
      backdrop.view(
        "\(best.count) objects",
        [.boxes(truth.boxes, Stroke(.white, thickness: 1.5))]
          + levels.map { level in
            .boxes(
              best.filter { grids.place(of: $0.anchor).level == level }.map { boxes[$0.anchor] },
              Stroke(Palette.level(level), thickness: 1.5, dashed: true))
          }, side: 640)
      Stack {
        detail(worst, "Fits worst")
        detail(finest, "Fits best")
      }
    }
  }

  private func detail(_ object: Int, _ words: String) -> ImageView {
    let (anchor, box) = (boxes[best[object].anchor], truth.boxes[object])
    let level = grids.place(of: best[object].anchor).level
    let margin = max(box.width, box.height) * 0.3 + 4
    let overlap = Numerals.short(best[object].overlap, digits: 2)
    return backdrop.view(
      "\(words): object \(object), IoU \(overlap)",
      [
        .box(box, label: classNames.shown(truth.labels[object]), Stroke(.white, thickness: 2)),
        .box(
          anchor, label: "P\(level)", Stroke(Palette.level(level), thickness: 2, dashed: true)),
      ], region: Box(around: [anchor, box], margin: margin), side: 300)
  }

  /// How many positive anchors each object has, over its size.
  var countsFigure: Figure {
    let title = "How many anchors each object gets"
    guard !best.isEmpty else {
      return Figure(title, caption: "There are no objects.") {
        TextPanel("Nothing to count", lines: ["The image has no objects."])
      }
    }
    var counts = [Int](repeating: 0, count: best.count)
    for match in anchors.matches where match.label == .positive {
      if let object = match.truth { counts[object] += 1 }
    }
    let levels = Set(best.map { grids.place(of: $0.anchor).level }).sorted()
    let series = levels.map { level in
      Chart.Line(
        "best anchor on P\(level)",
        best.indices.filter { grids.place(of: best[$0].anchor).level == level }.map {
          Point(truth.boxes[$0].area.squareRoot(), Float(counts[$0]))
        }, Stroke(Palette.level(level)))
    }
    let none = counts.count { $0 == 0 }
    let most = counts.max() ?? 0
    return Figure(
      title,
      caption:
        "A dot for each of \(best.count) objects. An anchor that overlaps two objects counts "
        + "for the one that it overlaps most, so that an object may have none"
        + (none > 0 ? ": \(none) here." : "; here each has one."),
      columns: 2
    ) {
      Chart.points(
        series, "Positive anchors over size", x: "side, input pixels (root of the box's area)",
        y: "positive anchors")
      Chart.bars(
        (0...most).map { count in
          Chart.Bar("\(count)", Float(counts.count { $0 == count }), .blue)
        }, "Objects by their positive anchors", axis: "objects")
    }
  }
}
