extension Tensor {
  /// Adds another tensor of the same shape, element by element: what two paths send back to one
  /// tensor in a backward pass.
  public mutating func add(_ other: Tensor) {
    precondition(shape == other.shape, "no sum of \(shape) and \(other.shape)")
    values.withUnsafeMutableBufferPointer { sums in
      other.values.withUnsafeBufferPointer { others in
        for index in sums.indices { sums[index] += others[index] }
      }
    }
  }
}
