// Stage 6, masks back into the image. Paper: section 3.1, "Inference": "the m x m floating-number
// mask output is then resized to the RoI size, and binarized at a threshold of 0.5".
//
// In: probabilities [D, M, M] and boxes in pixels of the image.  Out: per detection, a window of
// the image with a probability per pixel.

import Kernels
import Tensors

/// One mask in the image: outside its window it is 0.
public struct PastedMask: Sendable {
  /// Where it lies.
  public var window: Window
  /// A probability per pixel of the window, row-major.
  public var probabilities: [Float]

  /// Makes a mask from its parts.
  ///
  /// - Precondition: one probability per pixel of the window.
  public init(window: Window, probabilities: [Float]) {
    precondition(
      probabilities.count == window.width * window.height,
      "\(probabilities.count) probabilities cannot fill \(window)")
    self.window = window
    self.probabilities = probabilities
  }

  /// Whether each pixel of the window has a probability over the threshold.
  public func binary(threshold: Float) -> [Bool] {
    probabilities.map { $0 > threshold }
  }
}

/// Pastes one mask into an image:
///
/// 1. a border of one 0 around the M x M mask, so that interpolation at its edge falls to 0;
/// 2. the box grown about its centre by (M + 2) / M to match, its edges cut to whole pixels, of
///    which the last row and column belong to it;
/// 3. bilinear resize of the mask to that window;
/// 4. what lies outside the image cut off.
///
/// - Parameters:
///   - mask: `[M, M]` probabilities
///   - box: in pixels of the image
///   - width: of the image; `height` likewise
public func pasteMask(_ mask: Tensor, box: Box, width: Int, height: Int) -> PastedMask {
  let cells = mask.shape[0]
  let bordered = withBorder(mask)  // [1, M + 2, M + 2]
  let grown = wholePixels(grow(box, forMaskOf: cells))
  let columns = max(grown.x2 - grown.x1, 1)
  let rows = max(grown.y2 - grown.y1, 1)
  let window = Window(
    max(grown.x1, 0), max(grown.y1, 0), min(grown.x2, width), min(grown.y2, height))
  guard window.width > 0, window.height > 0 else {
    return PastedMask(window: Window(0, 0, 0, 0), probabilities: [])
  }
  let resized = resizeBilinear(
    bordered, rows: rows, columns: columns, only: window.y1 - grown.y1..<window.y2 - grown.y1,
    window.x1 - grown.x1..<window.x2 - grown.x1)  // [1, window rows, window columns]
  return PastedMask(window: window, probabilities: resized.values)
}

/// Pastes a mask per detection, each as `pasteMask` does.
///
/// - Parameters:
///   - masks: `[D, M, M]` probabilities
///   - boxes: D boxes in pixels of the image
public func pasteMasks(_ masks: Tensor, boxes: [Box], width: Int, height: Int) -> [PastedMask] {
  Threads.map(boxes.count) {
    pasteMask(masks.slice($0), box: boxes[$0], width: width, height: height)
  }
}

/// The mask with one 0 on every side.
///
/// - Returns: `[1, M + 2, M + 2]`
package func withBorder(_ mask: Tensor) -> Tensor {
  let (rows, columns) = (mask.shape[0], mask.shape[1])
  var result = Tensor([1, rows + 2, columns + 2], repeating: 0)
  for row in 0..<rows {
    let first = (row + 1) * (columns + 2) + 1
    result.values.replaceSubrange(
      first..<first + columns, with: mask.values[row * columns..<(row + 1) * columns])
  }
  return result
}

/// The box grown about its centre by (M + 2) / M, as the border makes the mask of M x M cells larger.
package func grow(_ box: Box, forMaskOf cells: Int) -> Box {
  let scale = Float(cells + 2) / Float(cells)
  let halfWidth = box.width * 0.5 * scale
  let halfHeight = box.height * 0.5 * scale
  let centreX = (box.x2 + box.x1) * 0.5
  let centreY = (box.y2 + box.y1) * 0.5
  return Box(
    centreX - halfWidth, centreY - halfHeight, centreX + halfWidth, centreY + halfHeight)
}

/// A box with its edges cut (towards 0) to whole pixels. torchvision takes the pixels that hold the
/// right and lower edge as the last column and row, so `x2` and `y2`, which are exclusive, are one
/// more.
package func wholePixels(_ box: Box) -> Window {
  func cut(_ value: Float) -> Int { value.isFinite ? Int(min(max(value, -1e6), 1e6)) : 0 }
  return Window(cut(box.x1), cut(box.y1), cut(box.x2) + 1, cut(box.y2) + 1)
}

/// A label per pixel: 0 for the background, i + 1 where detection i covers the pixel. Where masks
/// overlap, the first detection (that with the highest score) has the pixel.
///
/// - Returns: `[H0, W0]`, row-major
public func labelMap(_ masks: [PastedMask], threshold: Float, width: Int, height: Int) -> [Int] {
  var labels = [Int](repeating: 0, count: width * height)
  for (index, mask) in masks.enumerated().reversed() {
    for (position, inside) in mask.binary(threshold: threshold).enumerated() where inside {
      let (row, column) = position.quotientAndRemainder(dividingBy: mask.window.width)
      labels[(mask.window.y1 + row) * width + mask.window.x1 + column] = index + 1
    }
  }
  return labels
}
