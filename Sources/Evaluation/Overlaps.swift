// Intersection over union of detections with objects. Source: COCO's bbIou and rleIou, as
// pycocotools 2.0 shows them.
//
// In formulas, D are the detections and G the true objects of one image.

import Annotations
import Tensors

/// A box or a mask with what every comparison needs of it.
struct ComparedShape {
  private enum Content {
    case box(COCOBox)
    case mask(RunLengthEncoding, Window)
  }

  private let content: Content
  /// The area in pixels.
  let area: Double

  init(_ box: COCOBox) {
    content = .box(box)
    area = box.area
  }

  init(_ mask: RunLengthEncoding) {
    content = .mask(mask, mask.window)
    area = Double(mask.area)
  }

  /// The part of an object that is compared; nil if it has no mask and masks are compared.
  init?(bounds: COCOBox, mask: RunLengthEncoding?, kind: OverlapKind) {
    switch kind {
    case .boxes: self.init(bounds)
    case .masks:
      guard let mask else { return nil }
      self.init(mask)
    }
  }

  /// The area that both share.
  private func intersection(_ other: ComparedShape) -> Double {
    switch (content, other.content) {
    case (.box(let first), .box(let second)): return first.intersection(second)
    case (.mask(let first, let window), .mask(let second, let otherWindow)):
      guard window.x1 < otherWindow.x2, otherWindow.x1 < window.x2, window.y1 < otherWindow.y2,
        otherWindow.y1 < window.y2
      else { return 0 }
      return Double(first.intersection(second))
    default: return 0
    }
  }

  /// `|D n G| / |D u G|`; of a crowd `|D n G| / |D|`, so that a detection inside it overlaps fully.
  func overlap(_ truth: ComparedShape, isCrowd: Bool) -> Double {
    let shared = intersection(truth)
    guard shared > 0 else { return 0 }
    return shared / (isCrowd ? area : area + truth.area - shared)
  }
}

/// The overlap of every detection of an image with every object, `[D, G]`.
struct Overlaps {
  private let values: [Double]
  private let columns: Int

  init(_ detections: [ComparedShape], _ truth: [(shape: ComparedShape, isCrowd: Bool)]) {
    columns = truth.count
    values = detections.flatMap { detection in
      truth.map { detection.overlap($0.shape, isCrowd: $0.isCrowd) }
    }
  }

  /// The overlaps of one detection, by object.
  func row(_ detection: Int) -> ArraySlice<Double> {
    values[detection * columns..<(detection + 1) * columns]
  }
}

/// The order of scores from high to low; of equal scores the earlier comes first.
func descendingOrder(_ scores: [Double]) -> [Int] {
  scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
}
