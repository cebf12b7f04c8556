import Figures
import Stage0Input
import Tensors

/// What stage 6 draws from.
struct MasksDrawing: Sendable {
  /// The image as decoded, `[3, H0, W0]`.
  var image: Tensor
  /// By descending score.
  var detections: [Detection]
  /// `[D, M, M]`
  var probabilities: Tensor
  /// `[H0, W0]`, row-major; 0 for the background.
  var labelMap: [Int]
  var classNames: [String]
  var threshold: Float

  var figures: [StageFigure] {
    [
      StageFigure(
        "overlay",
        lookFor: "contours that follow the objects' edges, touching objects with separate "
          + "colours, and objects that were missed.",
        isEmpty: detections.isEmpty
      ) { overlayFigure },
      StageFigure(
        "paste",
        lookFor: "how few cells the mask has, and how smooth the edge becomes by interpolating "
          + "before the threshold is applied and not after.",
        isEmpty: detections.isEmpty
      ) { pasteFigure },
      StageFigure(
        "masks",
        lookFor: "pixels that belong to two masks: in the label map they have the detection with "
          + "the higher score.",
        isEmpty: detections.isEmpty
      ) { masksFigure },
      StageFigure(
        "detections",
        lookFor: "scores that fall quickly or slowly, and masks with an area far from all others.",
        isEmpty: detections.isEmpty
      ) { detectionsFigure },
    ]
  }

  var height: Int { image.shape[1] }
  var width: Int { image.shape[2] }

  /// A pasted mask as 0 and 1 with the rectangle that it fills; nil for one outside the image.
  func binary(_ index: Int) -> (mask: Tensor, frame: Box)? {
    let mask = detections[index].mask
    let window = mask.window
    guard window.width > 0, window.height > 0 else { return nil }
    let values = mask.binary(threshold: threshold).map { $0 ? Float(1) : 0 }
    return (
      Tensor([window.height, window.width], values),
      Box(Float(window.x1), Float(window.y1), Float(window.x2), Float(window.y2))
    )
  }

  /// Every pixel's greatest probability, or how many masks claim it.
  func accumulated(_ combine: (_ soFar: Float, _ probability: Float) -> Float) -> Tensor {
    var values = [Float](repeating: 0, count: width * height)
    for mask in detections.map(\.mask) {
      for row in 0..<mask.window.height {
        for column in 0..<mask.window.width {
          let place = (mask.window.y1 + row) * width + mask.window.x1 + column
          values[place] = combine(
            values[place], mask.probabilities[row * mask.window.width + column])
        }
      }
    }
    return Tensor([height, width], values)
  }

  /// Soft masks, how many masks claim a pixel, and the label map.
  var masksFigure: Figure {
    let most = Numerals.short(threshold)
    return Figure(
      "All masks in the image",
      caption: detections.isEmpty
        ? "There are no detections: no pixel belongs to an object."
        : "Left, the greatest probability of any mask. Middle, the number of masks over "
          + "\(most) at each pixel. Right, the label map: each pixel's detection in its own colour.",
      columns: 3
    ) {
      map(accumulated(max), "Soft masks", .share, "probability")
      map(
        accumulated { $1 > threshold ? $0 + 1 : $0 }, "Hard masks, counted",
        .sequential(0...2), "masks")
      labelView
    }
  }

  private func map(
    _ values: Tensor, _ title: String, _ scale: ColourScale, _ units: String
  ) -> Heatmap {
    var map = Heatmap(values, title, scale: scale, units: units)
    map.zoom = 290 / Float(max(width, height))
    map.axisUnit = "image pixels"
    map.showsSummary = false
    return map
  }

  private var labelView: ImageView {
    let plane = width * height
    var pixels = Tensor([3, height, width], repeating: 0.12)
    let colours = detections.indices.map { Palette.instance($0) }
    for (place, label) in labelMap.enumerated() where label > 0 {
      let colour = colours[label - 1]
      pixels.values[place] = Float(colour.red) / 255
      pixels.values[plane + place] = Float(colour.green) / 255
      pixels.values[2 * plane + place] = Float(colour.blue) / 255
    }
    var view = ImageView(pixels, "Label map, \(Set(labelMap).subtracting([0]).count) labels")
    view.axisUnit = "image pixels"
    view.longestSide = 290
    return view
  }

  /// The scores and areas of the detections.
  var detectionsFigure: Figure {
    let title = "Detections in numbers"
    guard !detections.isEmpty else {
      return Figure(title, caption: "There are no detections.") {
        TextPanel(
          "Nothing was found",
          lines: ["No class but the background had a score over the threshold anywhere."])
      }
    }
    let areas = detections.map { Float($0.mask.binary(threshold: threshold).count { $0 }) }
    let shown = min(20, detections.count)
    return Figure(
      title,
      caption: "All \(detections.count) detections by descending score; the table has the \(shown) "
        + "best. Areas are pixels of the image over \(Numerals.short(threshold)).",
      columns: 2
    ) {
      TablePanel(
        "The \(shown) best", header: ["class", "score", "area", "of its box"],
        rows: (0..<shown).map { index in
          let detection = detections[index]
          let share = areas[index] / max(detection.box.area, 1)
          return [
            "\(index)  \(classNames.shown(detection.label))", Numerals.probability(detection.score),
            "\(Int(bounded: areas[index]))", "\(Int(bounded: (share * 100).rounded())) %",
          ]
        }, keys: (0..<shown).map { Palette.instance($0) })
      curves(areas)
    }
  }

  private func curves(_ areas: [Float]) -> Chart {
    var chart = Chart.lines(
      [Chart.Line("", detections.enumerated().map { Point(Float($0.offset), $0.element.score) })],
      "Scores by rank", x: "detection", y: "score", range: 0...1,
      note: "Areas: least \(Numerals.short(areas.min() ?? 0)), median "
        + "\(Numerals.short(areas.sorted()[areas.count / 2])), greatest "
        + "\(Numerals.short(areas.max() ?? 0)) image pixels")
    chart.height = 260
    return chart
  }
}
