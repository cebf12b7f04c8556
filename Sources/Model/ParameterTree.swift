import Tensors

/// What a parameter does in its layer.
public enum ParameterKind: Sendable, Hashable, CaseIterable {
  /// The weight of a convolution or of a fully connected layer.
  case weight
  /// What such a layer adds per output channel.
  case bias
  /// The scale per channel of a batch norm.
  case normScale
  /// The shift per channel of a batch norm.
  case normShift
  /// The running mean per channel of a batch norm: a statistic.
  case runningMean
  /// The running variance per channel of a batch norm: a statistic.
  case runningVariance

  /// Whether it is learned by descent, and not measured.
  public var isLearned: Bool { self != .runningMean && self != .runningVariance }

  /// What PyTorch calls it behind its layer's name.
  public var suffix: String {
    switch self {
    case .weight, .normScale: "weight"
    case .bias, .normShift: "bias"
    case .runningMean: "running_mean"
    case .runningVariance: "running_var"
    }
  }
}

/// A parameter's place in a network: what it is called, what it does, and its shape.
public struct ParameterSlot: Sendable, Equatable {
  /// torchvision's name, `backbone.body.layer1.0.conv1.weight`.
  public let name: String
  /// What it does in its layer.
  public let kind: ParameterKind
  /// `[O, I / G, K, K]` for a convolution's weight, `[O, I]` for a fully connected layer's, `[C]`
  /// for everything else.
  public let shape: Shape

  /// The parameter of one kind that belongs to a layer.
  init(_ layer: String, _ kind: ParameterKind, _ shape: Shape) {
    name = layer + "." + kind.suffix
    self.kind = kind
    self.shape = shape
  }
}

/// A part of a network, down to a single layer, whose parameters can be listed and replaced.
///
/// Gradients, momentum and running averages are trees of the same type with other values. One
/// traversal, `update`, serves them all: what lists, counts, loads, saves and trains is written in
/// terms of it. The order is that of torchvision's `state_dict()`.
public protocol ParameterTree: Sendable {
  /// Calls `newValue` for every parameter and statistic, in order, and puts what it returns in
  /// their places; nil leaves a parameter as it is, with what was packed of it.
  ///
  /// - Precondition: a new value has the shape of the old one.
  mutating func update<Failure: Error>(
    _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure)
}

extension ParameterTree {
  /// Every parameter and statistic, in order.
  public var parameters: [(slot: ParameterSlot, value: Tensor)] {
    var list: [(slot: ParameterSlot, value: Tensor)] = []
    var copy = self
    copy.update { slot, value in
      list.append((slot, value))
      return nil
    }
    return list
  }

  /// Updates the tree together with another of the same layers: `newValue` is also given the value
  /// in the same place of the other. Plain gradient descent is
  ///
  ///     parameters.update(with: gradients) { slot, value, gradient in
  ///       slot.kind.isLearned ? value - rate * gradient : nil
  ///     }
  ///
  /// - Precondition: the trees have the same layers.
  public mutating func update<Failure: Error>(
    with other: Self, _ newValue: (ParameterSlot, Tensor, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    let others = other.parameters
    var index = 0
    try update { (slot, value) throws(Failure) -> Tensor? in
      let match = others.match(slot, at: &index)
      return try newValue(slot, value, match)
    }
    precondition(index == others.count, "the trees have different layers")
  }

  /// As with one other tree, with two.
  ///
  /// - Precondition: the trees have the same layers.
  public mutating func update<Failure: Error>(
    with first: Self, _ second: Self,
    _ newValue: (ParameterSlot, Tensor, Tensor, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    let seconds = second.parameters
    var index = 0
    try update(with: first) { (slot, value, match) throws(Failure) -> Tensor? in
      let other = seconds.match(slot, at: &index)
      return try newValue(slot, value, match, other)
    }
    precondition(index == seconds.count, "the trees have different layers")
  }

  /// A tree of the same layers, every element 0: where gradients are summed up.
  public var zeros: Self {
    var copy = self
    copy.update { slot, _ in Tensor(slot.shape, repeating: 0) }
    return copy
  }

  /// How many elements the learned parameters have.
  public var learnedCount: Int {
    parameters.reduce(0) { $0 + ($1.slot.kind.isLearned ? $1.value.count : 0) }
  }
}

extension [(slot: ParameterSlot, value: Tensor)] {
  /// The value at `index`, which moves on, of another tree.
  fileprivate func match(_ slot: ParameterSlot, at index: inout Int) -> Tensor {
    precondition(
      index < count && self[index].slot.kind == slot.kind && self[index].slot.shape == slot.shape,
      "the trees differ at \(slot.name)")
    index += 1
    return self[index - 1].value
  }
}

// MARK: Layers

extension Convolution: ParameterTree {
  /// Weight, bias, then the norm.
  public mutating func update<Failure: Error>(
    _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    if let new = try replacement(name, .weight, weight, newValue) { weight = new }
    if let old = bias, let new = try replacement(name, .bias, old, newValue) { bias = new }
    try norm?.update(newValue)
  }
}

extension BatchNorm: ParameterTree {
  /// Scale, shift, running mean, running variance.
  public mutating func update<Failure: Error>(
    _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    if let new = try replacement(name, .normScale, weight, newValue) { weight = new }
    if let new = try replacement(name, .normShift, bias, newValue) { bias = new }
    if let new = try replacement(name, .runningMean, mean, newValue) { mean = new }
    if let new = try replacement(name, .runningVariance, variance, newValue) { variance = new }
  }
}

extension Linear: ParameterTree {
  /// Weight, then bias.
  public mutating func update<Failure: Error>(
    _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    if let new = try replacement(name, .weight, weight, newValue) { weight = new }
    if let old = bias, let new = try replacement(name, .bias, old, newValue) { bias = new }
  }
}

/// What `newValue` puts in the place of a layer's parameter; nil where it stays.
private func replacement<Failure: Error>(
  _ layer: String, _ kind: ParameterKind, _ value: Tensor,
  _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
) throws(Failure) -> Tensor? {
  let slot = ParameterSlot(layer, kind, value.shape)
  let new = try newValue(slot, value)
  if let new {
    precondition(new.shape == value.shape, "\(slot.name) is \(value.shape), not \(new.shape)")
  }
  return new
}

// MARK: Parts

extension Array: ParameterTree where Element: ParameterTree {
  /// The first element to the last.
  public mutating func update<Failure: Error>(
    _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    for index in indices { try self[index].update(newValue) }
  }
}

extension ResidualBlock: ParameterTree {
  /// The branch, then the shortcut.
  public mutating func update<Failure: Error>(
    _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    try branch.update(newValue)
    try shortcut?.update(newValue)
  }
}

extension Backbone: ParameterTree {
  /// Stem, layers, the 1x1 convolutions of the pyramid, the 3x3 ones, the coarsest.
  public mutating func update<Failure: Error>(
    _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    try stem.update(newValue)
    try layers.update(newValue)
    try inner.update(newValue)
    try outer.update(newValue)
    try coarse.update(newValue)
  }
}

extension RPNHead: ParameterTree {
  /// The 3x3 convolutions, objectness, deltas.
  public mutating func update<Failure: Error>(
    _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    try convolutions.update(newValue)
    try objectness.update(newValue)
    try deltas.update(newValue)
  }
}

extension BoxHead: ParameterTree {
  /// Convolutions, fully connected layers, class logits, box deltas.
  public mutating func update<Failure: Error>(
    _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    try convolutions.update(newValue)
    try layers.update(newValue)
    try classLogits.update(newValue)
    try boxDeltas.update(newValue)
  }
}

extension MaskHead: ParameterTree {
  /// Convolutions, upsampling, logits.
  public mutating func update<Failure: Error>(
    _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    try convolutions.update(newValue)
    try upsampling.update(newValue)
    try logits.update(newValue)
  }
}

extension MaskRCNNParameters: ParameterTree {
  /// Backbone, RPN head, box head, mask head.
  public mutating func update<Failure: Error>(
    _ newValue: (ParameterSlot, Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) {
    try backbone.update(newValue)
    try rpnHead.update(newValue)
    try boxHead.update(newValue)
    try maskHead.update(newValue)
  }
}
