import Figures
import Tensors

/// Which detections a result shows.
public enum Overlay {
  /// Weaker detections are left out as long as there are stronger ones.
  public static let strong: Float = 0.5

  /// The detections with a score over `strong`, or all where none has one.
  ///
  /// - Parameter scores: in descending order
  public static func shown(_ scores: [Float]) -> Range<Int> {
    let count = scores.prefix { $0 > strong }.count
    return 0..<(count == 0 ? scores.count : count)
  }
}

extension MasksDrawing {
  /// Up to so many detections are labelled with class and score.
  static let mostNamed = 12
  /// Up to so many are labelled with their score alone.
  static let mostScored = 40

  /// The detections that the overlay shows, by descending score.
  var overlaid: [Int] { Array(Overlay.shown(detections.map(\.score))) }

  /// The result: the image with every mask in its own colour, contours, and labels where they
  /// leave room for the image.
  var overlayFigure: Figure {
    let shown = overlaid
    let found = Set(shown.map { detections[$0].label }).sorted()
    let counts = found.map { label in
      "\(shown.count { detections[$0].label == label }) × \(classNames.shown(label))"
    }
    let weak = detections.count - shown.count
    let title =
      detections.isEmpty
      ? "Nothing was detected"
      : weak > 0
        ? "\(shown.count) of \(detections.count) detections: those with a score over "
          + Numerals.short(Overlay.strong)
        : shown.count == 1 ? "1 detection" : "All \(shown.count) detections"
    return Figure(
      title,
      caption: detections.isEmpty
        ? "No detection has a score over the threshold: the image as it came."
        : "\(counts.joined(separator: ", ")). Each detection has a colour of its own. "
          + labelWords(shown.count)
          + (weak > 0 ? " \(weak) weaker detections are left out here." : "")
    ) {
      overlay(shown)
    }
  }

  private func labelWords(_ count: Int) -> String {
    if count <= Self.mostNamed { return "Labels tell class and score." }
    if count <= Self.mostScored { return "Labels tell the score." }
    return "Only the \(Self.mostNamed) best are labelled with their score."
  }

  private func overlay(_ shown: [Int]) -> ImageView {
    var layers: [Layer] = []
    // The best come last, on top, as in the label map.
    for index in shown.reversed() {
      guard let (mask, frame) = binary(index) else { continue }
      layers.append(.mask(mask, at: frame, Palette.instance(index), opacity: 0.4))
    }
    for (rank, index) in shown.enumerated() where detections[index].mask.window.width > 0 {
      guard let words = label(index, rank: rank, of: shown.count) else { break }
      let box = detections[index].box
      layers.append(
        .note(
          words, at: Point((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2), Palette.instance(index)))
    }
    var view = ImageView(image, "", layers: layers)
    view.axisUnit = "image pixels"
    view.longestSide = 1024
    return view
  }

  private func label(_ index: Int, rank: Int, of count: Int) -> String? {
    let score = Numerals.probability(detections[index].score, digits: 2)
    if count <= Self.mostNamed { return "\(classNames.shown(detections[index].label)) \(score)" }
    if count <= Self.mostScored { return score }
    return rank < Self.mostNamed ? score : nil
  }
}
