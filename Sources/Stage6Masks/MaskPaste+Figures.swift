import Figures
import Tensors

extension MasksDrawing {
  /// The way of one mask back into the image, step by step.
  var pasteFigure: Figure {
    let title = "Pasting one mask, step by step"
    guard let index = example else {
      return Figure(title, caption: "There are no detections, so there is no mask to paste.") {
        plain("No detections", [], region: nil, side: 320)
      }
    }
    let mask = probabilities.slice(index)  // [M, M]
    let detection = detections[index]
    let (box, pasted) = (detection.box, detection.mask)
    let cells = mask.shape[0]
    let grown = wholePixels(grow(box, forMaskOf: cells))
    let wide = Box(Float(grown.x1), Float(grown.y1), Float(grown.x2), Float(grown.y2))
    let margin = max(wide.width, wide.height) * 0.15 + 2
    let region = Box(
      wide.x1 - margin, wide.y1 - margin, wide.x2 + margin, wide.y2 + margin)
    let window = pasted.window
    let soft = Tensor([window.height, window.width], pasted.probabilities)
    return Figure(
      title,
      caption: "Detection \(index), \(classNames.shown(detection.label)), score "
        + "\(Numerals.probability(detection.score, digits: 4)): the best detection with a mask inside "
        + "the image. Box and window are in pixels of the image.",
      columns: 3,
      legend: [
        LegendEntry("the detection's box", .orange, .dashed),
        LegendEntry("the grown box, cut to whole pixels", .yellow, .line),
      ]
    ) {
      grid(mask, "1. The mask: \(cells) × \(cells) probabilities")
      grid(
        withBorder(mask).slice(0), "2. A border of zeros: \(cells + 2) × \(cells + 2)",
        layers: [
          .box(
            Box(1, 1, Float(cells + 1), Float(cells + 1)),
            Stroke(.orange, thickness: 2, dashed: true))
        ])
      plain(
        "3. The box grown by \(cells + 2) / \(cells)",
        [
          .box(box, Stroke(.orange, thickness: 2, dashed: true)),
          .box(wide, Stroke(.yellow, thickness: 2)),
        ], region: region, side: 320)
      windowMap(soft, window, box)
      plain(
        "5. Over \(Numerals.short(threshold)): "
          + "\(pasted.binary(threshold: threshold).count { $0 }) image pixels",
        (binary(index).map { [.mask($0.mask, at: $0.frame, .orange, opacity: 0.45)] } ?? [])
          + [.box(wide, Stroke(.yellow, thickness: 2))], region: region, side: 320)
    }
  }

  /// The best detection whose mask has a pixel and whose window no edge cuts; else the best one
  /// that has a window at all.
  private var example: Int? {
    let pasted = detections.indices.filter {
      let window = detections[$0].mask.window
      return window.width > 0 && window.height > 0
    }
    return pasted.first {
      let mask = detections[$0].mask
      return mask.window.x1 > 0 && mask.window.y1 > 0 && mask.window.x2 < width
        && mask.window.y2 < height && mask.binary(threshold: threshold).contains(true)
    } ?? pasted.first
  }

  private func grid(_ values: Tensor, _ title: String, layers: [Layer] = []) -> Heatmap {
    var map = Heatmap(values, title, scale: .share, units: "probability", layers: layers)
    map.zoom = (300 / Float(values.shape[0])).rounded(.down)
    map.showsSummary = false
    return map
  }

  private func windowMap(_ soft: Tensor, _ window: Window, _ box: Box) -> Heatmap {
    var map = Heatmap(
      soft, "4. Resized bilinearly to \(window.width) × \(window.height) image pixels",
      origin: Point(Float(window.x1), Float(window.y1)), scale: .share, units: "probability",
      layers: [.box(box, Stroke(.orange, thickness: 2, dashed: true))])
    map.zoom = 300 / Float(max(window.width, window.height))
    map.axisUnit = "image pixels"
    map.showsSummary = false
    return map
  }

  func plain(
    _ title: String, _ layers: [Layer], region: Box?, side: Int
  ) -> ImageView {
    var view = ImageView(image, title, layers: layers, region: region)
    view.axisUnit = "image pixels"
    view.longestSide = side
    return view
  }
}
