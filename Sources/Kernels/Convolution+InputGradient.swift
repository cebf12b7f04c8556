import Tensors

// The packed form of a convolution's gradient by its input.
//
// Cell h of the input was read by the positions y with s y = h + p - u, so only by the kernel's
// rows u that leave the same remainder r as h + p when divided by s: u = r + s j. The cells of one
// remainder of the rows and one of the columns, a phase, are therefore the result of a convolution
// of stride 1 with a part of the kernel, and the s s phases together multiply no more often than
// the convolution itself did.

/// The weight of the convolution that takes a gradient back to the input, if the stride is 1: every
/// kernel turned by half a turn, inputs and outputs exchanged within each group.
///
/// - Parameter weight: `[O, I / G, K, K]`
/// - Returns: `[I, O / G, K, K]`
func flippedWeight(_ weight: Tensor, groups: Int) -> Tensor {
  let (outputs, inputs) = (weight.shape[0] / groups, weight.shape[1])
  let taps = weight.shape[2] * weight.shape[3]
  let shape: Shape = [inputs * groups, outputs, weight.shape[2], weight.shape[3]]
  return Tensor(uninitialized: shape) { target in
    weight.values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let (from, to) = (SharedReading(base), Shared(target))
      Threads.each(groups * inputs) { row in
        let (group, i) = row.quotientAndRemainder(dividingBy: inputs)
        for o in 0..<outputs {
          let kernel = from.pointer + ((group * outputs + o) * inputs + i) * taps
          let flipped = to.pointer + (row * outputs + o) * taps
          for tap in 0..<taps { flipped[tap] = kernel[taps &- 1 &- tap] }
        }
      }
    }
  }  // [I, O / G, K, K]
}

/// The parts of a kernel that belong to the phases of the input, flipped and packed.
struct WeightPhases: Sendable {
  /// What the parts depend on besides the weight.
  struct Key: Hashable, Sendable {
    let stride, groups: Int
  }

  private let rows: [[PackedRows]]
  private let key: Key

  /// - Parameter weight: `[O, I / G, K, K]`
  init(_ weight: Tensor, _ key: Key) {
    self.key = key
    let flipped = flippedWeight(weight, groups: key.groups)
    rows = (0..<key.stride * key.stride).map { phase in
      let (r, c) = phase.quotientAndRemainder(dividingBy: key.stride)
      return WeightPhases.pack(flipped, r, c, key)
    }
  }

  /// The packed part of each group for the phase of remainders r and c: `[I / G, O / G J J]`.
  func rows(_ r: Int, _ c: Int) -> [PackedRows] { rows[r * key.stride + c] }

  /// How many of a kernel's rows or columns leave the remainder r.
  static func taps(_ r: Int, kernel: Int, stride: Int) -> Int {
    r < kernel ? (kernel - 1 - r) / stride + 1 : 0
  }

  private static func pack(_ flipped: Tensor, _ r: Int, _ c: Int, _ key: Key) -> [PackedRows] {
    let (inputs, outputs) = (flipped.shape[0] / key.groups, flipped.shape[1])
    let (kernelRows, kernelColumns) = (flipped.shape[2], flipped.shape[3])
    let tapRows = taps(r, kernel: kernelRows, stride: key.stride)
    let tapColumns = taps(c, kernel: kernelColumns, stride: key.stride)
    guard tapRows > 0, tapColumns > 0 else { return [] }
    let shape: Shape = [key.groups * inputs, outputs, tapRows, tapColumns]
    let part = Tensor(uninitialized: shape) { target in
      var next = target
      for pair in 0..<key.groups * inputs * outputs {
        // In the flipped kernel, row u of the kernel is row K - 1 - u.
        for j in (0..<tapRows).reversed() {
          let row = kernelRows - 1 - (r + key.stride * j)
          for k in (0..<tapColumns).reversed() {
            let column = kernelColumns - 1 - (c + key.stride * k)
            next.initialize(
              to: flipped.values[(pair * kernelRows + row) * kernelColumns + column])
            next += 1
          }
        }
      }
    }  // [I, O / G, J, J]
    return PackedWeight(part).rows(groups: key.groups)
  }
}

/// The gradient of a convolution by its input, the same sums as `plainConvolutionInputGradient`, as
/// matrix products: one for each phase, `[I / G, O / G J J]` by the patches of the output's
/// gradient.
///
/// Parameters and result as in `convolutionInputGradient`.
public func packedConvolutionInputGradient(
  _ outputGradient: Tensor, weight: PackedWeight, rows: Int, columns: Int, stride: Int = 1,
  padding: Int = 0, groups: Int = 1
) -> Tensor {
  let size = ConvolutionSize(
    outputGradient: outputGradient, weight: weight.tensor.shape, rows: rows, columns: columns,
    stride: stride, padding: padding, groups: groups)
  let shape: Shape = [size.images, size.inputs, rows, columns]
  guard outputGradient.count > 0 else { return Tensor(shape, repeating: 0) }
  let phases = weight.phases(stride: stride, groups: groups)
  let rowPhases = (0..<stride).map {
    AxisPhase(
      $0, extent: rows, positions: size.outRows, kernel: size.kernelRows, stride: stride,
      padding: padding)
  }
  let columnPhases = (0..<stride).map {
    AxisPhase(
      $0, extent: columns, positions: size.outColumns, kernel: size.kernelColumns,
      stride: stride, padding: padding)
  }
  // Zeros enough around the gradient for every phase.
  let around = (rowPhases + columnPhases).map { $0.around }.max() ?? 0
  let padded = LaidOutInput(
    outputGradient,
    ConvolutionSize(
      images: size.images, inputs: size.outputs, rows: size.outRows,
      columns: size.outColumns, outputs: 0, kernelRows: 1, kernelColumns: 1, stride: 1,
      padding: around, groups: groups))
  return Tensor(uninitialized: shape) { target in
    if rowPhases.contains(where: { $0.taps == 0 }) || columnPhases.contains(where: { $0.taps == 0 })
    {
      target.initialize(repeating: 0, count: shape.count)
    }
    padded.tensor.values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for (r, down) in rowPhases.enumerated() where down.taps > 0 && down.count > 0 {
        for (c, across) in columnPhases.enumerated() where across.taps > 0 && across.count > 0 {
          let part = ConvolutionSize(
            images: size.images, inputs: size.outputs, rows: down.count + down.taps - 1,
            columns: across.count + across.taps - 1, outputs: size.inputs,
            kernelRows: down.taps, kernelColumns: across.taps, stride: 1, padding: 0,
            groups: groups)
          let corner =
            (down.begin + around) * padded.layout.row + across.begin + around
          for (group, packed) in phases.rows(r, c).enumerated() {
            packedProduct(
              packed, columns: size.images * down.count * across.count,
              from: PatchColumns(
                image: base + corner, layout: padded.layout, size: part,
                firstChannel: group * (size.outputs / groups)),
              into: PhaseCells(
                target: target + down.first * columns + across.first,
                channels: size.inputs, firstChannel: group * size.inputsPerGroup,
                plane: rows * columns, rowStep: stride * columns, columnStep: stride,
                rows: down.count, columns: across.count))
          }
        }
      }
    }
  }  // [N, I, H, W]
}

/// The cells of one phase along one axis.
private struct AxisPhase {
  /// The first of the cells, and how many there are.
  let first, count: Int
  /// How many places of the kernel belong to the phase.
  let taps: Int
  /// The first position that the first cell's patch takes, perhaps below 0.
  let begin: Int
  /// How far the patches reach over either end of the positions.
  let around: Int

  init(_ r: Int, extent: Int, positions: Int, kernel: Int, stride: Int, padding: Int) {
    // Cell h = s a + r - p, for a from the least that gives no negative cell.
    let least = padding > r ? (padding - r + stride - 1) / stride : 0
    first = stride * least + r - padding
    count = first < extent ? (extent - 1 - first) / stride + 1 : 0
    taps = WeightPhases.taps(r, kernel: kernel, stride: stride)
    begin = least - (taps - 1)
    around = taps == 0 || count == 0 ? 0 : max(0, -begin, least + count - positions)
  }
}

/// The cells of one phase: row `i`, column `(n, a, b)`.
private struct PhaseCells: ProductSink, @unchecked Sendable {
  /// The first channel's first cell of the phase.
  let target: UnsafeMutablePointer<Float>
  let channels, firstChannel, plane, rowStep, columnStep: Int
  /// Cells of the phase in a column and in a row of a plane.
  let rows, columns: Int

  func store(rows channels: Range<Int>, columns range: Range<Int>, sums: UnsafePointer<Float>) {
    var column = range.lowerBound
    while column < range.upperBound {
      let (line, b) = column.quotientAndRemainder(dividingBy: columns)
      let (n, a) = line.quotientAndRemainder(dividingBy: rows)
      let (tile, slot) = (column - range.lowerBound).quotientAndRemainder(dividingBy: Tile.columns)
      let count = min(range.upperBound - column, columns - b, Tile.columns - slot)
      var from = sums + tile * Tile.rows * Tile.columns + slot
      for row in channels {
        let to =
          target + (n * self.channels + firstChannel + row) * plane + a * rowStep + b * columnStep
        for j in 0..<count { to[j &* columnStep] = from[j] }
        from += Tile.columns
      }
      column += count
    }
  }
}
