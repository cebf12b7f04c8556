import Figures
import Kernels
import Model
import Tensors
import Tracing

/// Undoes `normalised`: `x * deviation + mean` per colour channel, for eyes and not for networks.
///
/// - Parameter image: `[3, H, W]`
/// - Returns: `[3, H, W]`, RGB near 0...1
public func denormalised(_ image: Tensor, mean: [Float], standardDeviation: [Float]) -> Tensor {
  precondition(
    image.shape.rank == 3 && image.shape[0] == mean.count
      && mean.count == standardDeviation.count,
    "\(mean.count) channel means do not fit an image \(image.shape)")
  let plane = image.shape[1] * image.shape[2]
  return Tensor(uninitialized: image.shape) { result in
    image.values.withUnsafeBufferPointer { values in
      for channel in mean.indices {
        for i in channel * plane..<(channel + 1) * plane {
          result[i] = values[i] * standardDeviation[channel] + mean[channel]
        }
      }
    }
  }
}

/// The part of an image in a box, stretched to a square as the heads' features and masks are. A box
/// outside the image shows its nearest pixels.
///
/// - Parameter image: `[3, H, W]`
/// - Returns: `[3, side, side]`
func squareCrop(_ image: Tensor, _ box: Box, side: Int) -> Tensor {
  let (height, width) = (image.shape[1], image.shape[2])
  let (x1, y1) = (
    min(max(Int(bounded: box.x1), 0), width - 1), min(max(Int(bounded: box.y1), 0), height - 1)
  )
  let x2 = min(max(Int(bounded: box.x2.rounded(.up)), x1 + 1), width)
  let y2 = min(max(Int(bounded: box.y2.rounded(.up)), y1 + 1), height)
  var values: [Float] = []
  for channel in 0..<3 {
    for row in y1..<y2 {
      let first = (channel * height + row) * width
      values += image.values[first + x1..<first + x2]
    }
  }
  return resizeBilinear(Tensor([3, y2 - y1, x2 - x1], values), rows: side, columns: side)
}

extension Tensor {
  /// An image whose least value becomes 0 and whose greatest 1, for eyes: small crops of dark
  /// images show little otherwise. Contrasts grow by 8 at most, so that noise stays dark.
  fileprivate var brightened: Tensor {
    let (least, greatest) = (statistics.minimum, statistics.maximum)
    guard greatest > least else { return self }
    let gain = min(1 / (greatest - least), 8)
    return map { ($0 - least) * gain }
  }
}

/// What stages draw over: the resized image in its own colours. Boxes of the stages 2 to 5 are in
/// its pixels.
public struct Backdrop: Sendable {
  /// RGB near 0...1, `[3, H, W]`.
  public let image: Tensor
  /// The same as pixels.
  public let raster: Raster

  /// Makes a backdrop of an image `[3, H, W]`.
  public init(_ image: Tensor) { (self.image, raster) = (image, Raster(image)) }

  /// Columns of pixels.
  public var width: Int { raster.width }
  /// Rows of pixels.
  public var height: Int { raster.height }

  /// The image, dimmed a little, with layers over it.
  ///
  /// - Parameters:
  ///   - region: the part that is shown; nil for all
  ///   - side: pixels along the longer side of the view
  public func view(
    _ title: String, _ layers: [Layer], legend: [LegendEntry] = [], region: Box? = nil, side: Int
  ) -> ImageView {
    var view = ImageView(
      raster, title, dimmed: 0.25, layers: layers, legend: legend, region: region)
    view.longestSide = side
    return view
  }

  /// The part of the image in a box, stretched to a square.
  ///
  /// - Parameters:
  ///   - layers: drawn over it, in pixels of the square
  ///   - side: the square's side in pixels
  public func crop(
    _ box: Box, _ title: String, _ layers: [Layer] = [], side: Int, brightened: Bool = true
  ) -> ImageView {
    let square = squareCrop(image, box, side: side)
    var crop = ImageView(brightened ? square.brightened : square, title, layers: layers)
    crop.longestSide = side
    crop.showsAxes = false
    return crop
  }
}

extension StageFolder {
  /// What later stages draw over.
  ///
  /// Plain grey where a trace did not keep the image: a stage's drawings want a background, its
  /// mathematics does not.
  ///
  /// - Throws: `Fault` if the image was kept and its file is damaged.
  public func backdrop() throws -> Backdrop {
    let size = try InputSizes(self).resized
    let grey = Tensor([3, size.height, size.width], repeating: 0.5)
    guard let resized = try arrayIfKept("resized")?.tensor else { return Backdrop(grey) }
    try check("resized", resized, has: grey.shape)
    let options = try InputOptions(self)
    return Backdrop(
      options.channelOrder.exchanged(
        denormalised(resized, mean: options.mean, standardDeviation: options.standardDeviation)))
  }

  /// The image as decoded, `[3, H0, W0]`, in whose pixels stage 6 speaks; plain grey where a
  /// trace did not keep it.
  ///
  /// - Throws: `Fault` if the image was kept and its file is damaged.
  public func imageAsDecoded() throws -> Tensor {
    let size = try InputSizes(self).original
    let grey = Tensor([3, size.height, size.width], repeating: 0.5)
    guard let image = try arrayIfKept("image")?.tensor else { return grey }
    try check("image", image, has: grey.shape)
    return image
  }

  private func check(_ name: String, _ tensor: Tensor, has shape: Shape) throws {
    guard tensor.shape == shape else {
      throw Fault(
        folder.path, "\(name) has shape \(tensor.shape), the recorded sizes give \(shape)",
        remedy: "Run the stage input again")
    }
  }
}
