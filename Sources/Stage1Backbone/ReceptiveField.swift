// Stage 1: which part of the input a cell of the trunk can depend on. Not in the paper; the
// recursion is common knowledge (Dumoulin and Visin 2016 draw it for single convolutions).
//
// In: the trunk's layers.  Out: a side in input pixels for C2 ... C5.

import Model

extension Backbone {
  /// The sides, in pixels of the network's input, of the squares that a cell of C2 … C5 can depend
  /// on: the theoretical receptive fields.
  ///
  /// A layer with a kernel of k cells at stride s, on a map whose cells lie j pixels apart and see
  /// f pixels each, makes cells that lie `s j` apart and see
  ///
  ///     f + (k - 1) j
  ///
  /// A residual block sees as much as its branch: the shortcut sees less. All kernels have odd
  /// sides and zeros for half of them around the map, so the field of cell i is centred on pixel `i
  /// * stride`, which is the cell's *first* pixel, not its middle.
  public var receptiveFields: [Int] {
    var field = (side: 1, step: 1)
    func pass(kernel: Int, stride: Int) {
      field = (field.side + (kernel - 1) * field.step, field.step * stride)
    }
    pass(kernel: stem.weight.shape[2], stride: stem.stride)
    pass(kernel: 3, stride: 2)  // the max pool
    return layers.map { layer in
      for convolution in layer.flatMap(\.branch) {
        pass(kernel: convolution.weight.shape[2], stride: convolution.stride)
      }
      return field.side
    }
  }
}
