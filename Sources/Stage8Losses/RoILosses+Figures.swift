import Figures
import Stage0Input
import Stage7Targets
import Tensors

extension LossesDrawing {
  /// The ten RoIs that cost most, and why.
  var expensiveFigure: Figure {
    let title = "The ten most expensive RoIs"
    let parts = RoILosses(losses, rois)
    let order = mostExpensive(parts)
    let reasons = expensiveReasons
    guard !order.isEmpty else {
      return Figure(title, caption: "There are no RoIs.") {
        TextPanel("No RoIs", lines: ["Stage 7 sampled none."])
      }
    }
    let sum = rois.sampled.indices.reduce(0) { $0 + parts.total($1) }
    let own = order.reduce(0) { $0 + parts.total($1) }
    let all = sum > 0 ? own / sum : 0
    return Figure(
      title,
      caption:
        "\(order.count) of \(rois.sampled.count) RoIs make \(percent(all)) of the three losses "
        + "of the heads. Class, box and mask are what each adds to the losses; the score is that of "
        + "the class that it should have. Right below, each RoI with the object that it overlaps "
        + "most, stretched to a square.",
      columns: 2,
      legend: [
        LegendEntry("RoI, background", .red, .line), LegendEntry("RoI, object", .green, .line),
        LegendEntry("object", .white, .dashed),
      ]
    ) {
      expensiveView(order)
      Stack {
        TablePanel(
          "What they cost",
          header: ["", "class", "box", "mask", "target", "score", "why"],
          rows: order.enumerated().map { rank, roi in
            [
              "\(rank + 1)", cost(parts.classes[roi]), parts.boxes[roi].map(cost) ?? "–",
              parts.masks[roi].map(cost) ?? "–", classNames.shown(rois.labels[roi]),
              Numerals.probability(score(roi, rois.labels[roi]), digits: 2), reasons[rank],
            ]
          })
        tiles(order)
      }
    }
  }

  /// Ten RoIs in descending order of what they cost.
  private func mostExpensive(_ parts: RoILosses) -> [Int] {
    Array(
      rois.sampled.indices.sorted {
        let (a, b) = (parts.total($0), parts.total($1))
        return a > b || (a == b && $0 < $1)
      }.prefix(10))
  }

  /// Why the ten most expensive RoIs are, in their order.
  var expensiveReasons: [String] {
    let parts = RoILosses(losses, rois)
    return mostExpensive(parts).map { why($0, parts) }
  }

  private func cost(_ loss: Float) -> String { Numerals.decimals(Double(loss), 4) }

  private func score(_ roi: Int, _ label: Int) -> Float { boxes.classScores[roi, label] }

  /// What makes a RoI expensive, in a few words.
  private func why(_ roi: Int, _ parts: RoILosses) -> String {
    let label = rois.labels[roi]
    let rivals = (0..<boxes.classScores.shape[1]).filter { $0 != label }
    let rival = rivals.max { score(roi, $0) < score(roi, $1) } ?? 0
    let overlap = Numerals.short(rois.matches[rois.sampled[roi]].overlap, digits: 2)
    let (box, mask) = (parts.boxes[roi] ?? 0, parts.masks[roi] ?? 0)
    if parts.classes[roi] >= max(box, mask) {
      return "IoU \(overlap), called \(classNames.shown(rival)) at "
        + Numerals.probability(score(roi, rival), digits: 2)
    }
    guard let place = rois.positives.firstIndex(of: roi) else { return "" }
    if box >= mask {
      let elements = losses.boxHead.boxes.elements.slice(place).values
      let greatest = elements.indices.max { elements[$0] < elements[$1] } ?? 0
      return "IoU \(overlap), " + ["x", "y", "width", "height"][greatest] + " of its box is off"
    }
    let (target, found) = (rois.masks.slice(place).values, maskProbabilities.slice(place).values)
    let wrong = zip(target, found).count { ($0 > 0.5) != ($1 > 0.5) }
    return "\(percent(Float(wrong) / Float(max(target.count, 1)))) of its mask is wrong"
  }

  private func colour(_ roi: Int) -> Colour { rois.labels[roi] == 0 ? .red : .green }

  /// Each RoI with the object that it overlaps most, in two rows.
  private func tiles(_ order: [Int]) -> [any Panel] {
    let tiles = order.enumerated().map { rank, roi in tile(roi, rank: rank) }
    return [Row(Array(tiles.prefix(5)))] + (tiles.count > 5 ? [Row(Array(tiles.dropFirst(5)))] : [])
  }

  private func tile(_ roi: Int, rank: Int) -> ImageView {
    let box = rois.candidates[rois.sampled[roi]]
    let object = rois.matches[rois.sampled[roi]].truth.map { truth.boxes[$0] }
    // An object that the RoI hardly touches may be far away.
    let near = [object].compactMap(\.self).filter { $0.intersectionOverUnion(box) > 0.05 }
    let margin = 0.25 * max(box.width, box.height) + 4
    let around = Box(around: [box] + near, margin: margin) ?? box
    let frame = Box(
      around.x1.rounded(.down), around.y1.rounded(.down), around.x2.rounded(.up),
      around.y2.rounded(.up)
    ).clipped(width: Float(backdrop.width), height: Float(backdrop.height))
    let side: Float = 104
    func placed(_ box: Box) -> Box {
      Box(box.x1 - frame.x1, box.y1 - frame.y1, box.x2 - frame.x1, box.y2 - frame.y1)
        .scaled(x: side / max(frame.width, 1), y: side / max(frame.height, 1))
    }
    var view = backdrop.crop(frame, "\(rank + 1)", side: Int(side))
    view.layers = [
      .boxes(near.map(placed), Stroke(.white, thickness: 1.5, dashed: true)),
      .boxes([placed(box)], Stroke(colour(roi), thickness: 1.5)),
    ]
    return view
  }

  private func expensiveView(_ order: [Int]) -> ImageView {
    var view = ImageView(
      backdrop.raster, "\(order.count) RoIs", dimmed: 0.25,
      layers: order.enumerated().reversed().map { rank, roi in
        .box(
          rois.candidates[rois.sampled[roi]], label: "\(rank + 1)",
          Stroke(colour(roi), thickness: 2))
      })
    view.longestSide = 520
    return view
  }

  /// Image, target, prediction and loss of some positive RoIs.
  var masksFigure: Figure {
    let title = "Mask loss: pixel by pixel"
    let elements = pixelLosses  // [P, M, M]
    guard !rois.positives.isEmpty else {
      return Figure(title, caption: "No RoI is positive, so no mask costs anything.") {
        TextPanel("No positive RoIs", lines: ["The mask loss is 0."])
      }
    }
    let means = rois.positives.indices.map { place in
      elements.slice(place).values.reduce(0, +)
        / Float(max(elements.shape[1] * elements.shape[2], 1))
    }
    let order = means.indices.sorted {
      means[$0] > means[$1] || (means[$0] == means[$1] && $0 < $1)
    }
    let count = min(5, order.count)
    let shown = (0..<count).map { order[$0 * (order.count - 1) / max(count - 1, 1)] }
    let limit = max(shown.flatMap { elements.slice($0).values }.max() ?? 0, 1e-3)
    return Figure(
      title,
      caption:
        "\(count) of \(order.count) positive RoIs, from the most expensive mask to the cheapest: "
        + "the image in the RoI, the target, the predicted probability of its own class's mask "
        + "(both from 0, dark, to 1, bright), and the binary cross-entropy of each pixel. "
        + (losses.masks.elements.shape.rank == 4
          ? "The masks of all classes are added here: a deliberate mistake."
          : "Masks of other classes cost nothing."),
      columns: 4
    ) {
      for place in shown {
        backdrop.crop(rois.maskBoxes[place], "RoI \(rois.positives[place])", side: 196)
        map(rois.masks.slice(place), "Target", .share)
        map(maskProbabilities.slice(place), "Prediction", .share)
        map(
          elements.slice(place), "Loss, mean \(Numerals.short(means[place], digits: 2))",
          .sequential(0...limit), units: "loss")
      }
    }
  }

  /// The mask loss of every pixel, `[P, M, M]`: summed over classes where all of them have one.
  private var pixelLosses: Tensor {
    let elements = losses.masks.elements
    guard elements.shape.rank == 4 else { return elements }
    let (classes, pixels) = (elements.shape[1], elements.shape[2] * elements.shape[3])
    return Tensor(
      [elements.shape[0], elements.shape[2], elements.shape[3]],
      (0..<elements.shape[0] * pixels).map { place in
        let first = place / pixels * classes * pixels + place % pixels
        return (0..<classes).reduce(0) { $0 + elements.values[first + $1 * pixels] }
      })
  }

  private func map(
    _ values: Tensor, _ title: String, _ scale: ColourScale, units: String? = nil
  ) -> Heatmap {
    var map = Heatmap(values, title, scale: scale, units: units ?? "")
    map.zoom = 196 / Float(values.shape[0])
    map.showsAxes = false
    map.showsSummary = false
    map.showsBar = units != nil
    return map
  }
}
