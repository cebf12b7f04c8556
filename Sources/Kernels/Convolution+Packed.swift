import CVectorWidth
import Tensors

/// Two-dimensional convolution, the same sums as `plainConvolution`, as a matrix product: the
/// weight is an `[O, I K K]` matrix, the image's patches are the columns of an `[I K K, N Y X]`
/// one (Chellapilla et al. 2006, "im2col"), of which only a cache's worth is ever laid out.
///
/// Parameters and result as in `convolution`.
public func packedConvolution(
  _ input: Tensor, weight: PackedWeight, finish: Finish = Finish(), adding: Tensor? = nil,
  stride: Int = 1, padding: Int = 0, groups: Int = 1
) -> Tensor {
  let size = ConvolutionSize(
    input, weight.tensor, stride: stride, padding: padding, groups: groups)
  guard input.count > 0, weight.tensor.count > 0 else {
    return plainConvolution(
      input, weight: weight.tensor, finish: finish, adding: adding, stride: stride,
      padding: padding, groups: groups)
  }
  let laidOut = LaidOutInput(input, size)
  let groupRows = weight.rows(groups: groups)
  let plane = size.outRows * size.outColumns
  let finishes = finish.channels(size.outputs)
  return Tensor(uninitialized: [size.images, size.outputs, size.outRows, size.outColumns]) {
    output in
    laidOut.tensor.values.withUnsafeBufferPointer { image in
      withOptionalPointer(adding) { added in
        guard let image = image.baseAddress else { return }
        for (group, rows) in groupRows.enumerated() {
          let patches = PatchColumns(
            image: image, layout: laidOut.layout, size: size,
            firstChannel: group * size.inputsPerGroup)
          let planes = ChannelPlanes(
            output: output, added: added, channels: size.outputs,
            firstChannel: group * (size.outputs / groups), plane: plane,
            finishes: finishes)
          packedProduct(rows, columns: size.images * plane, from: patches, into: planes)
        }
      }
    }
  }  // [N, O, Y, X]
}

/// The elements of a tensor that may not be there.
func withOptionalPointer<Result>(
  _ tensor: Tensor?, _ body: (UnsafePointer<Float>?) -> Result
) -> Result {
  guard let tensor else { return body(nil) }
  return tensor.values.withUnsafeBufferPointer { body($0.baseAddress) }
}

/// The planes of an `[N, O, Y, X]` tensor: row `o`, column `(n, y, x)`.
private struct ChannelPlanes: ProductSink, @unchecked Sendable {
  let output: UnsafeMutablePointer<Float>
  let added: UnsafePointer<Float>?
  let channels: Int
  let firstChannel: Int
  let plane: Int
  let finishes: [ChannelFinish]

  func expect(rows: Range<Int>, columns: Range<Int>) {
    let (n, position) = columns.lowerBound.quotientAndRemainder(dividingBy: plane)
    let end = position + columns.count
    for row in rows {
      let place = (n * channels + firstChannel + row) * plane
      for line in stride(from: position, to: end, by: 16) {
        prefetch_for_writing(output + place + line)
        if let added { prefetch_for_reading(added + place + line) }
      }
    }
  }

  func store(rows: Range<Int>, columns: Range<Int>, sums: UnsafePointer<Float>) {
    var column = columns.lowerBound
    while column < columns.upperBound {
      let (n, position) = column.quotientAndRemainder(dividingBy: plane)
      let end = min(columns.upperBound, column + plane - position)
      // Row after row, so that a thread writes to one place for as long as it can.
      for row in rows {
        let channel = firstChannel + row
        let line = sums + (row - rows.lowerBound) * Tile.columns
        store(
          line, from: column - columns.lowerBound, to: end - columns.lowerBound,
          place: (n * channels + channel) * plane + position, finishes[channel])
      }
      column = end
    }
  }

  /// Stores a part of a row of the tiles in one plane.
  @inline(__always)
  private func store(
    _ line: UnsafePointer<Float>, from first: Int, to end: Int, place: Int, _ finish: ChannelFinish
  ) {
    var slot = first
    while slot < end {
      let (tile, offset) = slot.quotientAndRemainder(dividingBy: Tile.columns)
      let count = min(end - slot, Tile.columns - offset)
      let target = place + slot - first
      finish.apply(
        count, line + tile * Tile.rows * Tile.columns + offset,
        adding: added.map { $0 + target }, to: output + target)
      slot += count
    }
  }
}
