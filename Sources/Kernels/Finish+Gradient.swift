import Tensors

// The gradient of what follows a convolution or a linear layer: ReLU, shift, scale.
//
// N images, O channels, Y X rows and columns.

/// The gradient of a ReLU: dY where the output is greater than 0, and 0 elsewhere; also where the
/// output is NaN, as in PyTorch. The definition.
///
/// - Parameters:
///   - outputGradient: dY, of any shape
///   - output: the ReLU's output, of the same shape
/// - Returns: the gradient of the ReLU's input, of the same shape
public func plainReluGradient(_ outputGradient: Tensor, output: Tensor) -> Tensor {
  precondition(outputGradient.shape == output.shape, "a ReLU changes no shape")
  return Tensor(
    output.shape, zip(outputGradient.values, output.values).map { $1 <= 0 ? 0 : $0 })
}

/// The gradient of a ReLU, as `plainReluGradient`, on all threads; or, if `KernelForm.current` says
/// so, by the definition.
///
/// - Parameters:
///   - outputGradient: dY, of any shape
///   - output: the ReLU's output, of the same shape
/// - Returns: the gradient of the ReLU's input, of the same shape
public func reluGradient(_ outputGradient: Tensor, output: Tensor) -> Tensor {
  if KernelForm.current == .plain {
    return plainReluGradient(outputGradient, output: output)
  }
  precondition(outputGradient.shape == output.shape, "a ReLU changes no shape")
  return Tensor(uninitialized: output.shape) { target in
    output.values.withUnsafeBufferPointer { output in
      outputGradient.values.withUnsafeBufferPointer { gradient in
        guard let output = output.baseAddress, let gradient = gradient.baseAddress else { return }
        let (from, gate, to) = (
          SharedReading(gradient), SharedReading(output), Shared(target)
        )
        Threads.ranges(outputGradient.count, atLeast: 16_384) { range in
          passGradient(
            range.count, from.pointer + range.lowerBound, gate: gate.pointer + range.lowerBound,
            to: to.pointer + range.lowerBound)
        }
      }
    }
  }
}

/// A ReLU's gradient of some elements.
@inline(__always)
private func passGradient(
  _ count: Int, _ gradient: UnsafePointer<Float>, gate output: UnsafePointer<Float>,
  to target: UnsafeMutablePointer<Float>
) {
  for index in 0..<count { target[index] = output[index] <= 0 ? 0 : gradient[index] }
}

/// The gradients of a finish, `y = ReLU(scale[o] * s + shift[o] + added)`.
public struct FinishGradient: Sendable, Equatable {
  /// Of the sums s, `[N, O, Y, X]`.
  public var sums: Tensor
  /// Of what was added, `[N, O, Y, X]`: the gradient before the ReLU.
  public var added: Tensor
  /// Of the factors, `[O]`; nil where the sums are not known.
  public var scale: Tensor?
  /// Of the summands, `[O]`.
  public var shift: Tensor

  /// Makes the gradients from their parts.
  public init(sums: Tensor, added: Tensor, scale: Tensor?, shift: Tensor) {
    (self.sums, self.added, self.scale, self.shift) = (sums, added, scale, shift)
  }
}

/// The gradients of a finish. With dZ the gradient before the ReLU:
///
///     dAdded = dZ,  dSums = scale[o] * dZ,  dShift[o] = sum of dZ,  dScale[o] = sum of dZ * s
///
/// the sums over n, y, x and kept in 64 bits. The definition.
///
/// - Parameters:
///   - outputGradient: dY, `[N, O, Y, X]`, or `[R, O]`
///   - output: the finished result y, of which only the signs count, and those only if the finish
///     has a ReLU
///   - sums: s, what was finished; nil if the gradient of the scale is not needed
public func plainFinishGradient(
  _ outputGradient: Tensor, output: Tensor, finish: Finish, sums: Tensor? = nil
) -> FinishGradient {
  let channels = outputGradient.shape[1]
  let plane = outputGradient.shape.extents.dropFirst(2).reduce(1, *)
  let added =
    finish.rectified ? plainReluGradient(outputGradient, output: output) : outputGradient
  var gradient = FinishGradient(
    sums: added, added: added, scale: nil, shift: plainChannelSums(added))
  if let scale = finish.scale {
    for index in 0..<added.count { gradient.sums.values[index] *= scale[index / plane % channels] }
  }
  if let sums {
    var totals = [Double](repeating: 0, count: channels)
    for index in 0..<added.count {
      totals[index / plane % channels] += Double(added.values[index]) * Double(sums.values[index])
    }
    gradient.scale = Tensor([channels], totals.map { Float($0) })
  }
  return gradient
}

/// The gradients of a finish, as `plainFinishGradient`, each a pass of vectors on all threads; or,
/// if `KernelForm.current` says so, by the definition.
///
/// - Parameters:
///   - outputGradient: dY, `[N, O, Y, X]`, or `[R, O]`
///   - output: the finished result y, of which only the signs count, and those only if the finish
///     has a ReLU
///   - sums: s, what was finished; nil if the gradient of the scale is not needed
public func finishGradient(
  _ outputGradient: Tensor, output: Tensor, finish: Finish, sums: Tensor? = nil
) -> FinishGradient {
  if KernelForm.current == .plain {
    return plainFinishGradient(outputGradient, output: output, finish: finish, sums: sums)
  }
  let added = finish.rectified ? reluGradient(outputGradient, output: output) : outputGradient
  return FinishGradient(
    sums: finish.scale.map { Finish(scale: $0).applied(to: added) } ?? added, added: added,
    scale: sums.map { channelProducts(added, $0) }, shift: channelSums(added))
}

extension Finish {
  /// The finish of sums that are already stored, on all threads.
  ///
  /// - Parameters:
  ///   - sums: `[N, O, Y, X]`
  ///   - adding: `[N, O, Y, X]`, added before the ReLU
  /// - Returns: `[N, O, Y, X]`
  public func applied(to sums: Tensor, adding: Tensor? = nil) -> Tensor {
    let channels = sums.shape[1]
    let plane = sums.shape.extents.dropFirst(2).reduce(1, *)
    let finishes = self.channels(channels)
    return Tensor(uninitialized: sums.shape) { target in
      sums.values.withUnsafeBufferPointer { buffer in
        withOptionalPointer(adding) { added in
          guard let base = buffer.baseAddress else { return }
          let (source, to) = (SharedReading(base), Shared(target))
          let other = added.map { SharedReading($0) }
          Threads.ranges(sums.shape[0] * channels) { range in
            for index in range {
              let first = index * plane
              finishes[index % channels].apply(
                plane, source.pointer + first, adding: other.map { $0.pointer + first },
                to: to.pointer + first)
            }
          }
        }
      }
    }  // [N, O, Y, X]
  }
}

/// The sum of `a * (b - shift[c])` over each channel of two tensors `[N, C, …]`: `[C]`.
func channelProducts(_ a: Tensor, _ b: Tensor, shift: [Float]? = nil) -> Tensor {
  precondition(a.shape == b.shape && a.shape.rank >= 2, "no products of \(a.shape), \(b.shape)")
  let (count, channels) = (a.shape[0], a.shape[1])
  let plane = a.shape.extents.dropFirst(2).reduce(1, *)
  let sums = a.values.withUnsafeBufferPointer { a in
    b.values.withUnsafeBufferPointer { b -> [Float] in
      guard let a = a.baseAddress, let b = b.baseAddress else {
        return [Float](repeating: 0, count: channels)
      }
      let (left, right) = (SharedReading(a), SharedReading(b))
      return Threads.map(channels) { c in
        let middle = shift?[c] ?? 0
        var sum = 0.0
        for n in 0..<count {
          let first = (n * channels + c) * plane
          let (left, right) = (left.pointer + first, right.pointer + first)
          sum += longSum(
            plane,
            eight: { index in
              let (x, y): (Eight, Eight) = (load(left + index), load(right + index))
              return x * (y - middle)
            }, one: { left[$0] * (right[$0] - middle) })
        }
        return Float(sum)
      }
    }
  }
  return Tensor([channels], sums)  // [C]
}
