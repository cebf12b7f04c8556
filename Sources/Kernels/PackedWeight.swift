import Synchronization
import Tensors

/// A weight, and the forms in which the fast kernels read it: each made when it is first needed,
/// and kept, because a network's weights serve every image, every level and every RoI.
public final class PackedWeight: Sendable {
  /// The weight as it is defined, `[O, I / G, K, K]` or `[O, I]`.
  public let tensor: Tensor
  private let forms = Mutex(Forms())

  private struct Forms: Sendable {
    var rows: [Int: [PackedRows]] = [:]
    var winograd: [PackedRows]?
    var spread: PackedWeight?
    var flipped: [Int: PackedWeight] = [:]
    var phases: [WeightPhases.Key: WeightPhases] = [:]
    var transposed: [PackedRows]?
  }

  /// Takes a weight; nothing is packed yet.
  public init(_ tensor: Tensor) { self.tensor = tensor }

  /// Each group's outputs as the rows of a matrix.
  func rows(groups: Int = 1) -> [PackedRows] {
    forms.withLock { forms in
      if let known = forms.rows[groups] { return known }
      let rows = tensor.shape[0] / groups
      let depth = tensor.count / max(1, tensor.shape[0])
      let packed = tensor.values.withUnsafeBufferPointer { buffer -> [PackedRows] in
        guard let base = buffer.baseAddress else { return [] }
        return (0..<groups).map {
          PackedRows(base + $0 * rows * depth, rows: rows, depth: depth)
        }
      }
      forms.rows[groups] = packed
      return packed
    }
  }

  /// A 3x3 kernel's values at Winograd's 36 places, each a matrix.
  func winograd() -> [PackedRows] {
    forms.withLock { forms in
      if let known = forms.winograd { return known }
      let transformed = transformedKernels(tensor)
      forms.winograd = transformed
      return transformed
    }
  }

  /// A transposed convolution's weight, `[I, O, K, K]`, as that of a 1x1 convolution to `O K K`
  /// channels.
  func spread() -> PackedWeight {
    forms.withLock { forms in
      if let known = forms.spread { return known }
      let inputs = tensor.shape[0]
      let outputs = tensor.count / max(1, inputs)
      let rows = Tensor(uninitialized: [outputs, inputs, 1, 1]) { target in
        for i in 0..<inputs {
          for row in 0..<outputs {
            (target + row * inputs + i).initialize(to: tensor.values[i * outputs + row])
          }
        }
      }
      let spread = PackedWeight(rows)
      forms.spread = spread
      return spread
    }
  }
  /// The weight of the convolution that takes a gradient back to the input, `[I, O / G, K, K]`.
  func flipped(groups: Int = 1) -> PackedWeight {
    forms.withLock { forms in
      if let known = forms.flipped[groups] { return known }
      let flipped = PackedWeight(flippedWeight(tensor, groups: groups))
      forms.flipped[groups] = flipped
      return flipped
    }
  }

  /// As `flipped`, for a convolution with a stride: a part of the kernel for each phase.
  func phases(stride: Int, groups: Int) -> WeightPhases {
    forms.withLock { forms in
      let key = WeightPhases.Key(stride: stride, groups: groups)
      if let known = forms.phases[key] { return known }
      let phases = WeightPhases(tensor, key)
      forms.phases[key] = phases
      return phases
    }
  }

  /// A linear layer's inputs as the rows of a matrix, `[I, O]`.
  func transposedRows() -> [PackedRows] {
    forms.withLock { forms in
      if let known = forms.transposed { return known }
      let packed = tensor.values.withUnsafeBufferPointer { buffer -> [PackedRows] in
        guard let base = buffer.baseAddress else { return [] }
        return [
          PackedRows(base, rows: tensor.shape[1], depth: tensor.shape[0], transposed: true)
        ]
      }
      forms.transposed = packed
      return packed
    }
  }
}
