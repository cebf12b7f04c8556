import Pictures
import Tensors

extension MasksDrawing {
  /// Up to so many detections are labelled with class and score.
  static let mostNamed = 12
  /// Up to so many are labelled with their score alone.
  static let mostScored = 40

  /// The result: the picture with every mask in its own colour, contours, and labels where they
  /// leave room for the picture.
  var overlayFigure: Figure {
    let found = Set(labels).sorted()
    let counts = found.map { label in "\(labels.count { $0 == label }) × \(name(label))" }
    let title =
      boxes.isEmpty ? "Nothing was detected" : "\(boxes.count) detections with their masks"
    return Figure(
      title,
      caption: boxes.isEmpty
        ? "No detection has a score over the threshold: the picture as it came."
        : "\(counts.joined(separator: ", ")). Each detection has a colour of its own. "
          + labelWords
    ) {
      overlay
    }
  }

  private var labelWords: String {
    if boxes.count <= Self.mostNamed { return "Labels tell class and score." }
    if boxes.count <= Self.mostScored { return "Labels tell the score." }
    return "Only the \(Self.mostNamed) best are labelled with their score."
  }

  private var overlay: PictureView {
    var layers: [Layer] = []
    // The best come last, on top, as in the label map.
    for index in masks.indices.reversed() {
      guard let (mask, frame) = binary(index) else { continue }
      layers.append(.mask(mask, at: frame, Palette.instance(index), opacity: 0.4))
    }
    for index in masks.indices {
      guard let words = label(index) else { break }
      let window = masks[index].window
      guard window.width > 0 else { continue }
      layers.append(
        .note(
          words,
          at: Point(
            (boxes[index].x1 + boxes[index].x2) / 2, (boxes[index].y1 + boxes[index].y2) / 2),
          Palette.instance(index)))
    }
    var view = PictureView(picture, "", layers: layers)
    view.longestSide = 1024
    return view
  }

  private func label(_ index: Int) -> String? {
    let score = Numerals.short(scores[index], digits: 2)
    if boxes.count <= Self.mostNamed { return "\(name(labels[index])) \(score)" }
    if boxes.count <= Self.mostScored { return score }
    return index < Self.mostNamed ? score : nil
  }
}
