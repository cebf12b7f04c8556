import Tensors

// Convolution with 3 x 3 kernels of stride 1 by Winograd's minimal filtering F(4 x 4, 3 x 3). Lavin
// and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", section 4.
//
// A 4 x 4 block of the output needs a 6 x 6 block d of the input and the kernel g. Done directly it
// costs 16 * 9 = 144 multiplications. But with the matrices below
//
//     Y = At [ (G g Gt) . (Bt d B) ] A                (. multiplies element by element)
//
// costs 36: polynomials of degree 5 are multiplied by their values at the six points 0, 1, -1, 2,
// -2 and infinity. Summed over input channels, the products at each of the 36 places are a matrix
// product of their own, [O, I] by [I, tiles]; so four times fewer multiplications, in 36 packed
// matrix products, and the transforms before and after cost little beside them.
//
// The price: sums and differences of values multiplied by up to 8 lose between four and five bits
// more than the direct sum does (`Fixtures/record/winograd_errors.py` measures it).
//
// N images, I input channels, O output channels, H W rows and columns, T tiles of 4 x 4 outputs.

/// Whether `winogradConvolution` can compute a convolution, and gains by it: the transforms of a
/// channel must be repaid by products with many others.
func suitsWinograd(_ size: ConvolutionSize) -> Bool {
  size.kernelRows == 3 && size.kernelColumns == 3 && size.stride == 1 && size.groups == 1
    && size.inputs >= 16 && size.outputs >= 16 && size.outRows * size.outColumns >= 16
}

/// Two-dimensional convolution with a 3 x 3 kernel of stride 1; the same sums as `plainConvolution`
/// in a cheaper form.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - weight: `[O, I, 3, 3]`
///   - adding: as the result, added before the ReLU
/// - Returns: `[N, O, H + 2 p - 2, W + 2 p - 2]`
public func winogradConvolution(
  _ input: Tensor, weight: PackedWeight, finish: Finish = Finish(), adding: Tensor? = nil,
  padding: Int = 0
) -> Tensor {
  let size = ConvolutionSize(input, weight.tensor, stride: 1, padding: padding, groups: 1)
  precondition(
    size.kernelRows == 3 && size.kernelColumns == 3,
    "the kernel is 3 x 3, not \(weight.tensor.shape)")
  guard input.count > 0, weight.tensor.count > 0 else {
    return plainConvolution(
      input, weight: weight.tensor, finish: finish, adding: adding, padding: padding)
  }
  return Tensor(uninitialized: [size.images, size.outputs, size.outRows, size.outColumns]) {
    output in
    input.values.withUnsafeBufferPointer { image in
      withOptionalPointer(adding) { added in
        guard let base = image.baseAddress else { return }
        WinogradWork(
          image: UnsafeBufferPointer(start: base, count: image.count), output: output,
          added: added, kernels: weight.winograd(), size: size,
          finishes: finish.channels(size.outputs)
        ).run()
      }
    }
  }  // [N, O, Y, X]
}

/// The kernels' values at the 36 places: `G g Gt`, as 36 packed `[O, I]` matrices.
func transformedKernels(_ weight: Tensor) -> [PackedRows] {
  let (outputs, inputs) = (weight.shape[0], weight.shape[1])
  let pairs = outputs * inputs
  let transformed = UnsafeMutablePointer<Float>.allocate(capacity: max(1, 36 * pairs))
  defer { transformed.deallocate() }
  weight.values.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { return }
    let (source, target) = (SharedReading(base), Shared(transformed))
    Threads.ranges(pairs, atLeast: 256) { range in
      for pair in range {
        let g = source.pointer + 9 * pair
        // G g: each column of the kernel at the six points; then the same along its rows.
        var half = InlineArray<18, Float>(repeating: 0)
        for column in 0..<3 {
          let values = atPoints(g[column], g[3 + column], g[6 + column])
          for point in 0..<6 { half[3 * point + column] = values[point] }
        }
        for point in 0..<6 {
          let values = atPoints(half[3 * point], half[3 * point + 1], half[3 * point + 2])
          for other in 0..<6 {
            target.pointer[(6 * point + other) * pairs + pair] = values[other]
          }
        }
      }
    }
  }
  let places = SharedReading(transformed)
  return Threads.map(36) { place in
    PackedRows(places.pointer + place * pairs, rows: outputs, depth: inputs)
  }
}

/// One row of `G`: a kernel's line (a, b, c) at the six points, scaled so that `At` and `Bt` hold
/// whole numbers.
@inline(__always)
private func atPoints(_ a: Float, _ b: Float, _ c: Float) -> InlineArray<6, Float> {
  [
    a / 4, -(a + b + c) / 6, -(a - b + c) / 6, (a + 2 * b + 4 * c) / 24,
    (a - 2 * b + 4 * c) / 24, c,
  ]
}
