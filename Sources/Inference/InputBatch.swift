import Kernels
import Model
import Stage0Input
import Tensors

/// Images as the network reads them together.
public struct InputBatch: Sendable {
  /// The images normalised, resized and padded to one size, `[N, 3, Hp, Wp]`.
  public var tensor: Tensor
  /// The sizes of each of the N images; the padded one is common to all.
  public var sizes: [InputSizes]

  /// Prepares images as a model's settings say.
  ///
  /// - Parameter images: N of them, RGB in 0...1, each `[3, H0, W0]`
  public init(_ images: [Tensor], _ settings: ModelSettings) {
    let originals = images.map { ImageSize(height: $0.shape[1], width: $0.shape[2]) }
    let resized = originals.map(settings.resize.size)
    tensor = Stage0Input.padded(
      zip(images, resized).map { image, size in
        resizeBilinear(
          normalised(
            image, mean: settings.mean, standardDeviation: settings.standardDeviation),
          rows: size.height, columns: size.width)
      }, toMultipleOf: inputMultiple)
    let padded = ImageSize(height: tensor.shape[2], width: tensor.shape[3])
    sizes = zip(originals, resized).map {
      InputSizes(original: $0, resized: $1, padded: padded)
    }
  }

  /// Rows and columns of the padded input.
  public var padded: ImageSize { ImageSize(height: tensor.shape[2], width: tensor.shape[3]) }
}
