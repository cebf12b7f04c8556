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

extension StageFolder {
  /// What later stages draw over: the resized image in its own colours, `[3, H, W]`. Boxes of the
  /// stages 2 to 5 are in its pixels.
  ///
  /// Plain grey where a trace did not keep the image: a stage's drawings want a background, its
  /// mathematics does not.
  public func backdrop() throws -> Tensor {
    let size = try InputSizes(self).resized
    let grey = Tensor([3, size.height, size.width], repeating: 0.5)
    guard let resized = try? tensor("resized"), resized.shape == grey.shape,
      let stage = try? InputStage(file: folder).withOptions(of: self)
    else { return grey }
    return stage.channelOrder.exchanged(
      denormalised(resized, mean: stage.mean, standardDeviation: stage.standardDeviation))
  }

  /// The image as decoded, `[3, H0, W0]`, in whose pixels stage 6 speaks; plain grey where a
  /// trace did not keep it.
  public func imageAsDecoded() throws -> Tensor {
    let size = try InputSizes(self).original
    let grey = Tensor([3, size.height, size.width], repeating: 0.5)
    guard let image = try? tensor("image"), image.shape == grey.shape else { return grey }
    return image
  }
}
