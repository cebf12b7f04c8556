// Stage 0, the input. Paper: section 3.1, "images are resized such that their scale (shorter edge)
// is 800 pixels".
//
// In: an image, RGB in 0...1, [3, H0, W0].  Out: the network's input, [1, 3, Hp, Wp].
// H0 W0 rows and columns of the image, H W of the resized one, Hp Wp of the padded one.

import Kernels
import Model
import Tensors

/// Rows and columns of an image.
public struct ImageSize: Hashable, Sendable, CustomStringConvertible {
  /// Rows.
  public var height: Int
  /// Columns.
  public var width: Int

  /// Makes a size.
  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// `640 x 480`, width first, as images are named.
  public var description: String { "\(width) x \(height)" }
}

extension ModelSettings.Resize {
  /// The size of the resized image: `floor(side * scale)` for both sides, where
  ///
  ///     scale = min(shorter / min(H0, W0), longer / max(H0, W0))
  ///
  /// in 64 bits, as in torchvision: which of two integers comes out can hang on the last bit.
  public func size(for image: ImageSize) -> ImageSize {
    let scale: Double
    switch self {
    case .sides(let shorter, let longer):
      let least = Double(min(image.height, image.width))
      let greatest = Double(max(image.height, image.width))
      scale = min(Double(shorter) / least, Double(longer) / greatest)
    case .factor(let factor):
      scale = factor
    }
    return ImageSize(
      height: max(1, Int(Double(image.height) * scale)),
      width: max(1, Int(Double(image.width) * scale)))
  }
}

/// In which order a network's weights expect red, green and blue. Those that were trained with
/// OpenCV or Caffe, detectron2's among them, expect BGR; torchvision's RGB.
public enum ChannelOrder: String, Sendable, CaseIterable {
  /// Red, green, blue.
  case rgb
  /// Blue, green, red.
  case bgr

  /// The channels' names in their order.
  public var names: [String] {
    let names = ["red", "green", "blue"]
    return self == .rgb ? names : names.reversed()
  }

  /// An RGB image with its planes in this order, or one in this order as RGB: both are the same
  /// exchange.
  ///
  /// - Parameter image: `[3, H, W]`
  /// - Returns: `[3, H, W]`
  public func exchanged(_ image: Tensor) -> Tensor {
    precondition(
      image.shape.rank == 3 && image.shape[0] == 3, "\(image.shape) has no colours")
    guard self == .bgr else { return image }
    return Tensor(image.shape, [2, 1, 0].flatMap { image.slice($0).values })
  }
}

/// `(x - mean) / deviation` per colour channel, so that the network sees values around 0.
///
/// - Parameter image: `[3, H0, W0]`, RGB in 0...1
/// - Returns: `[3, H0, W0]`
public func normalised(_ image: Tensor, mean: [Float], standardDeviation: [Float]) -> Tensor {
  precondition(
    image.shape.rank == 3 && image.shape[0] == mean.count
      && mean.count == standardDeviation.count,
    "\(mean.count) channel means do not fit an image \(image.shape)")
  let plane = image.shape[1] * image.shape[2]
  return Tensor(uninitialized: image.shape) { result in
    image.values.withUnsafeBufferPointer { values in
      for channel in mean.indices {
        for i in channel * plane..<(channel + 1) * plane {
          result[i] = (values[i] - mean[channel]) / standardDeviation[channel]
        }
      }
    }
  }  // [3, H0, W0]
}

/// The image with zeros on the right and below, so that both sides are multiples of `multiple`:
/// every level of the pyramid, down to stride 32, then has whole cells.
///
/// - Parameter image: `[3, H, W]`
/// - Returns: `[1, 3, Hp, Wp]`
public func padded(_ image: Tensor, toMultipleOf multiple: Int) -> Tensor {
  let (channels, height, width) = (image.shape[0], image.shape[1], image.shape[2])
  let rows = (height + multiple - 1) / multiple * multiple
  let columns = (width + multiple - 1) / multiple * multiple
  var result = Tensor([1, channels, rows, columns], repeating: 0)  // [1, 3, Hp, Wp]
  for channel in 0..<channels {
    for y in 0..<height {
      let from = (channel * height + y) * width
      let to = (channel * rows + y) * columns
      result.values.replaceSubrange(to..<to + width, with: image.values[from..<from + width])
    }
  }
  return result
}
