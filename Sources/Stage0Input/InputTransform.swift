// Stage 0, the input. Paper: section 3.1, "images are resized such that their scale (shorter edge)
// is 800 pixels".
//
// In: images, RGB in 0...1, each [3, H0, W0].  Out: the network's input, [N, 3, Hp, Wp].
// N images, H0 W0 rows and columns of an image, H W of the resized one, Hp Wp of the padded input,
// which all images of a batch share.

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

extension ImageSize {
  /// The least size that both of whose sides are multiples of a number and at least as long.
  public func rounded(upToMultipleOf multiple: Int) -> ImageSize {
    func rounded(_ side: Int) -> Int { (side + multiple - 1) / multiple * multiple }
    return ImageSize(height: rounded(height), width: rounded(width))
  }
}

/// An image's three sizes on its way into the network.
public struct InputSizes: Sendable, Equatable {
  /// Of the image as decoded: its sides count image pixels.
  public var original: ImageSize
  /// Of the resized image, without the padding: its sides count input pixels.
  public var resized: ImageSize
  /// Of the network's input.
  public var padded: ImageSize

  /// Makes sizes.
  public init(original: ImageSize, resized: ImageSize, padded: ImageSize) {
    (self.original, self.resized, self.padded) = (original, resized, padded)
  }

  /// A box in input pixels as one in image pixels.
  public func inOriginal(_ box: Box) -> Box {
    box.scaled(
      x: Float(original.width) / Float(resized.width),
      y: Float(original.height) / Float(resized.height))
  }

  /// Images of more pixels would need tens of gigabytes in the backbone.
  static let mostPixels = 64_000_000

  /// Whether an image of this size can be worked on.
  package static func areSensible(_ size: ImageSize) -> Bool {
    let sides = 1...mostPixels
    return sides.contains(size.height) && sides.contains(size.width)
      && size.height <= mostPixels / size.width
  }
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

/// The padded input's sides are multiples of this: the coarsest level read by RoIs, P5, has stride
/// 32, so every level down to it has whole cells.
public let inputMultiple = 32

/// Images with zeros on the right and below, so that all have the same size and both sides are
/// multiples of `multiple`.
///
/// - Parameter images: N of them, each `[3, H, W]`; H and W may differ
/// - Returns: `[N, 3, Hp, Wp]`
public func padded(_ images: [Tensor], toMultipleOf multiple: Int) -> Tensor {
  let channels = images.first?.shape[0] ?? 3
  let size = ImageSize(
    height: images.map { $0.shape[1] }.max() ?? 0, width: images.map { $0.shape[2] }.max() ?? 0
  ).rounded(upToMultipleOf: multiple)
  var result = Tensor([images.count, channels, size.height, size.width], repeating: 0)
  for (index, image) in images.enumerated() {
    precondition(image.shape[0] == channels, "\(image.shape) in a batch of \(channels) channels")
    let (height, width) = (image.shape[1], image.shape[2])
    for channel in 0..<channels {
      for y in 0..<height {
        let from = (channel * height + y) * width
        let to = ((index * channels + channel) * size.height + y) * size.width
        result.values.replaceSubrange(to..<to + width, with: image.values[from..<from + width])
      }
    }
  }
  return result  // [N, 3, Hp, Wp]
}
