import Stage0Input
import Tensors

/// A feature map with its place in the image, as drawings need it.
public struct FeatureMap: Sendable {
  /// `P3`
  public var name: String
  /// `[1, C, H, W]`; H and W cover the image, cells of padding alone are left out.
  public let features: Tensor
  /// Pixels of the network's input per cell.
  public var stride: Float
  /// Whether some value is negative: whether no ReLU came last.
  public let isSigned: Bool
  /// The mean over all channels at every cell, `[H, W]`.
  public let mean: Tensor

  /// Takes from a map `[1, C, H, W]` of the padded input the cells that touch the image.
  public init(_ name: String, _ features: Tensor, padded: ImageSize, image: ImageSize) {
    let (channels, height, width) = (features.shape[1], features.shape[2], features.shape[3])
    self.name = name
    stride = Float(padded.height) / Float(height)
    let rows = min(height, Int((Float(image.height) / stride).rounded(.up)))
    let columns = min(width, Int((Float(image.width) / stride).rounded(.up)))
    if rows < height || columns < width {
      var values: [Float] = []
      values.reserveCapacity(channels * rows * columns)
      for channel in 0..<channels {
        for row in 0..<rows {
          let first = (channel * height + row) * width
          values += features.values[first..<first + columns]
        }
      }
      self.features = Tensor([1, channels, rows, columns], values)
    } else {
      self.features = features
    }
    isSigned = self.features.statistics.minimum < 0
    let planes: Shape = [channels, self.features.shape[2], self.features.shape[3]]
    mean = meanOverChannels(self.features.reshaped(planes))
  }

  /// The number of channels.
  public var channels: Int { features.shape[1] }

  /// One channel, `[H, W]`.
  public func channel(_ number: Int) -> Tensor {
    let plane = features.shape[2] * features.shape[3]
    return Tensor(
      [features.shape[2], features.shape[3]],
      Array(features.values[number * plane..<(number + 1) * plane]))
  }

  /// The channels that vary most over the image, by descending variation: those that say most of
  /// what is where.
  public func mostVaryingChannels(_ count: Int) -> [Int] {
    mostVarying(
      features.reshaped([channels, features.shape[2], features.shape[3]]), count: count)
  }
}

/// The mean over the outermost axis: `[C, H, W]` to `[H, W]`.
public func meanOverChannels(_ map: Tensor) -> Tensor {
  let (channels, rows, columns) = (map.shape[0], map.shape[1], map.shape[2])
  let plane = rows * columns
  var sums = [Float](repeating: 0, count: plane)
  map.values.withUnsafeBufferPointer { values in
    sums.withUnsafeMutableBufferPointer { sums in
      for channel in 0..<channels {
        let first = channel * plane
        for i in 0..<plane { sums[i] += values[first + i] }
      }
      for i in 0..<plane { sums[i] /= Float(max(channels, 1)) }
    }
  }
  return Tensor([rows, columns], sums)
}

/// The planes of `[C, H, W]` with the greatest variance, by descending variance; of equal ones the
/// lower number first.
public func mostVarying(_ map: Tensor, count: Int) -> [Int] {
  let (channels, plane) = (map.shape[0], map.shape[1] * map.shape[2])
  let variances = map.values.withUnsafeBufferPointer { values in
    (0..<channels).map { channel -> Float in
      var (sum, squares): (Float, Float) = (0, 0)
      // About the first value, so that a large mean does not swallow a small variance.
      let offset = plane > 0 ? values[channel * plane] : 0
      for i in channel * plane..<(channel + 1) * plane {
        let value = values[i] - offset
        sum += value
        squares += value * value
      }
      let mean = sum / Float(max(plane, 1))
      return squares / Float(max(plane, 1)) - mean * mean
    }
  }
  return Array(
    variances.indices.sorted { a, b in
      variances[a] > variances[b] || (variances[a] == variances[b] && a < b)
    }.prefix(count))
}

extension [FeatureMap] {
  /// The first and the last name, `C2 to C5`; the only one's, or none.
  public var range: String {
    guard let first, let last, count > 1 else { return first?.name ?? "" }
    return "\(first.name) to \(last.name)"
  }
}
