import Tensors

/// Two-dimensional convolution by whichever of the two fast forms suits it.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - weight: `[O, I / G, K, K]`
/// - Returns: `[N, O, Y, X]`
public func convolution(
  _ input: Tensor, weight: Tensor, finish: Finish = Finish(), stride: Int = 1, padding: Int = 0,
  groups: Int = 1
) -> Tensor {
  let size = ConvolutionSize(input, weight, stride: stride, padding: padding, groups: groups)
  return suitsWinograd(size)
    ? winogradConvolution(input, weight: weight, finish: finish, padding: padding)
    : packedConvolution(
      input, weight: weight, finish: finish, stride: stride, padding: padding, groups: groups)
}

/// Two-dimensional convolution, the same sums as `plainConvolution`, as a matrix product: the
/// weight is an `[O, I K K]` matrix, the picture's patches are the columns of an `[I K K, N Y X]`
/// one (Chellapilla et al. 2006, "im2col"), of which only a cache's worth is ever laid out.
///
/// Parameters and result as in `convolution`.
public func packedConvolution(
  _ input: Tensor, weight: Tensor, finish: Finish = Finish(), stride: Int = 1, padding: Int = 0,
  groups: Int = 1
) -> Tensor {
  let size = ConvolutionSize(input, weight, stride: stride, padding: padding, groups: groups)
  let padded =
    padding == 0
    ? input
    : zeroPadded(
      input, by: padding, rows: size.rows + 2 * padding, columns: size.columns + 2 * padding)
  let plane = size.outRows * size.outColumns
  return Tensor(uninitialized: [size.pictures, size.outputs, size.outRows, size.outColumns]) {
    output in
    padded.values.withUnsafeBufferPointer { picture in
      weight.values.withUnsafeBufferPointer { weights in
        guard let picture = picture.baseAddress, let weights = weights.baseAddress else { return }
        let outputsPerGroup = size.outputs / groups
        let depth = size.inputsPerGroup * size.kernelRows * size.kernelColumns
        for group in 0..<groups {
          let rows = PackedRows(
            weights + group * outputsPerGroup * depth, rows: outputsPerGroup, depth: depth)
          let patches = PatchColumns(
            picture: picture, size: size, channels: padded.shape[1], rows: padded.shape[2],
            columns: padded.shape[3], firstChannel: group * size.inputsPerGroup)
          let planes = ChannelPlanes(
            output: output, channels: size.outputs, firstChannel: group * outputsPerGroup,
            plane: plane, finish: finish)
          packedProduct(rows, columns: size.pictures * plane, from: patches, into: planes)
        }
      }
    }
  }  // [N, O, Y, X]
}

/// The picture with zeros around it, so that gathering patches needs no conditions: `padding` of
/// them above and on the left, and on the other sides as many as fill `rows` and `columns`.
func zeroPadded(_ input: Tensor, by padding: Int, rows outRows: Int, columns outColumns: Int)
  -> Tensor
{
  let (rows, columns) = (input.shape[2], input.shape[3])
  let planes = input.shape[0] * input.shape[1]
  return Tensor(uninitialized: [input.shape[0], input.shape[1], outRows, outColumns]) { output in
    input.values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else {
        output.initialize(repeating: 0, count: planes * outRows * outColumns)
        return
      }
      let (source, target) = (SharedReading(base), Shared(output))
      Threads.ranges(planes) { range in
        for plane in range {
          let to = target.pointer + plane * outRows * outColumns
          to.initialize(repeating: 0, count: outRows * outColumns)
          for row in 0..<rows {
            (to + (row + padding) * outColumns + padding).update(
              from: source.pointer + (plane * rows + row) * columns, count: columns)
          }
        }
      }
    }
  }
}

/// The patches of a padded picture as columns: column `(n, y, x)`, row `(i, u, v)`.
private struct PatchColumns: ColumnSource, @unchecked Sendable {
  let picture: UnsafePointer<Float>
  let size: ConvolutionSize
  /// The padded picture's extents, all groups' channels among them.
  let channels, rows, columns: Int
  let firstChannel: Int

  func pack(column: Int, count: Int, depth: Range<Int>, panel: UnsafeMutablePointer<Float>) {
    let plane = size.outRows * size.outColumns
    let kernel = size.kernelRows * size.kernelColumns
    // Runs of columns along one output row; their patches lie beside each other in the picture.
    var column = column
    var slot = 0
    while slot < count {
      let (n, position) = column.quotientAndRemainder(dividingBy: plane)
      let (y, x) = position.quotientAndRemainder(dividingBy: size.outColumns)
      // A 1x1 kernel of stride 1 sees the whole plane as one row.
      let isFlat = kernel == 1 && size.stride == 1
      let run = min(count - slot, isFlat ? plane - position : size.outColumns - x)
      let start =
        picture + ((n * channels + firstChannel) * rows + y * size.stride) * columns
        + x * size.stride
      var target = panel + slot
      for k in depth {
        let (i, tap) = k.quotientAndRemainder(dividingBy: kernel)
        let (u, v) = tap.quotientAndRemainder(dividingBy: size.kernelColumns)
        let source = start + (i * rows + u) * columns + v
        if size.stride == 1 {
          copy(run, from: source, to: target)
        } else {
          for j in 0..<run { target[j] = source[j &* size.stride] }
        }
        target += Tile.columns
      }
      slot += run
      column += run
    }
    if count < Tile.columns {
      var row = panel + count
      for _ in depth {
        row.update(repeating: 0, count: Tile.columns - count)
        row += Tile.columns
      }
    }
  }

  /// Copies a run; a whole panel's width, the common case, without a call.
  @inline(__always)
  private func copy(
    _ count: Int, from source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>
  ) {
    if count == 32 {
      let (from, to) = (UnsafeRawPointer(source), UnsafeMutableRawPointer(target))
      to.storeBytes(of: from.loadUnaligned(as: SIMD16<Float>.self), as: SIMD16<Float>.self)
      to.storeBytes(
        of: from.loadUnaligned(fromByteOffset: 64, as: SIMD16<Float>.self), toByteOffset: 64,
        as: SIMD16<Float>.self)
    } else {
      for j in 0..<count { target[j] = source[j] }
    }
  }
}

/// The planes of an `[N, O, Y, X]` tensor: row `o`, column `(n, y, x)`.
private struct ChannelPlanes: ProductSink, @unchecked Sendable {
  let output: UnsafeMutablePointer<Float>
  let channels: Int
  let firstChannel: Int
  let plane: Int
  let finish: Finish

  func store(row: Int, column: Int, count: Int, sums: UnsafePointer<Float>) {
    let channel = firstChannel + row
    let scale = finish.scale?[channel] ?? 1
    let shift = finish.shift?[channel] ?? 0
    let floor: Float = finish.rectified ? 0 : -.infinity
    var column = column
    var done = 0
    while done < count {
      let (n, position) = column.quotientAndRemainder(dividingBy: plane)
      let run = min(count - done, plane - position)
      let target = output + (n * channels + channel) * plane + position
      for j in 0..<run {
        let value = sums[done &+ j] * scale + shift
        // Written so that NaN passes through.
        target[j] = value < floor ? floor : value
      }
      done += run
      column += run
    }
  }
}
