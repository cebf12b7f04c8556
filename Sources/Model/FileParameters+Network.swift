import Tensors

// From the parameters of a file to the network that they are of, or to what is wrong with them.

extension FileParameters {
  /// The layout that the shapes of the parameters describe.
  ///
  /// - Parameter name: the file's, for errors
  /// - Throws: `Fault` that lists missing, superfluous and misshapen parameters
  func layout(name: String) throws(Fault) -> Layout {
    let shapes = tensors.mapValues { $0.shape }
    if let fault = Self.unequalHeads(shapes, name: name) { throw fault }
    let layout = Layout(shapes: shapes)
    if let uneven = layout.widths.first(where: { $0 % layout.groups != 0 }) {
      throw Fault(
        name, "\(uneven) channels of the trunk do not divide into \(layout.groups) groups",
        remedy: "Save the whole model again")
    }
    try Self.compare(shapes, with: layout.slots, Architecture(layout), name: name)
    return layout
  }

  /// Heads that predict for different numbers of classes, which torchvision allows to construct.
  private static func unequalHeads(_ shapes: [String: Shape], name: String) -> Fault? {
    func outputs(_ layer: String) -> Int? {
      guard let weight = shapes["\(layer).weight"], let bias = shapes["\(layer).bias"],
        weight.rank > 0, bias.rank == 1, weight[0] == bias[0]
      else { return nil }
      return weight[0]
    }
    guard let classes = outputs(ParameterNames.classLogits),
      let deltas = outputs(ParameterNames.boxDeltas),
      let masks = outputs(ParameterNames.maskLogits),
      deltas == 4 * classes, classes != masks
    else { return nil }
    return Fault(
      name,
      "the box head has \(classes) classes and the mask head \(masks), background among them "
        + "(\(ParameterNames.classLogits), \(ParameterNames.maskLogits))",
      remedy: "Replace both predictors in Python, roi_heads.box_predictor and "
        + "roi_heads.mask_predictor, and train again")
  }

  /// Compares what is there with what such a network has.
  private static func compare(
    _ shapes: [String: Shape], with slots: [ParameterSlot], _ architecture: Architecture,
    name: String
  ) throws(Fault) {
    let wanted = Set(slots.map { $0.name })
    var missing: [String] = []
    var misshapen: [String] = []
    for slot in slots {
      guard let shape = shapes[slot.name] else {
        missing.append("\(slot.name) \(slot.shape)")
        continue
      }
      if shape != slot.shape {
        misshapen.append("\(slot.name) is \(shape) instead of \(slot.shape)")
      }
    }
    let extra = shapes.filter { !wanted.contains($0.key) }.map { "\($0.key) \($0.value)" }.sorted()
    let problems = [("missing", missing), ("of the wrong shape", misshapen), ("too many", extra)]
      .filter { !$0.1.isEmpty }
      .map { kind, list in
        let rest = list.count > 8 ? ", and \(list.count - 8) more" : ""
        return "\(list.count) \(kind) (\(list.prefix(8).joined(separator: ", "))\(rest))"
      }
    guard !problems.isEmpty else { return }
    throw Fault(
      name,
      "the parameters do not make a Mask R-CNN with \(architecture.trunkName) and "
        + "\(architecture.classCount) classes: \(problems.joined(separator: "; "))",
      remedy: extra.isEmpty
        ? "Save the whole model's state_dict() again"
        : "Save the whole model's state_dict() again; a network with other parts than torchvision's "
          + "is not supported")
  }
}

extension MaskRCNNParameters {
  /// The network of a layout with the parameters of a file, which have been compared with it.
  ///
  /// - Parameters:
  ///   - file: the file's name, for the error
  /// - Throws: `Fault` if a running variance has no root
  init(
    _ found: FileParameters, _ layout: Layout, normEpsilon epsilon: Float, file: String
  ) throws(Fault) {
    try self.init(layout, normEpsilon: epsilon) { (slot) throws(Fault) in
      // The shapes have been compared, so every tensor is there.
      guard let tensor = found.tensors[slot.name] else {
        throw Fault(slot.name, "the parameter is missing", remedy: "Save the whole model again")
      }
      guard slot.kind != .runningVariance || tensor.values.allSatisfy({ $0 + epsilon > 0 }) else {
        throw Fault(
          file, "\(slot.name), a running variance, plus epsilon (\(epsilon)) is not over 0",
          remedy: "Save the weights again, or give the epsilon that they were trained with")
      }
      return tensor
    }
  }
}

extension MaskRCNNModel {
  /// Makes a model of parameters under torchvision's names, of today or of before version 0.13, and
  /// of settings that are known already.
  ///
  /// - Parameters:
  ///   - tensors: the parameters, by name
  ///   - normEpsilon: the epsilon of every batch norm; nil for the one that such a network has
  ///   - settings: what the settings are for a layout
  ///   - name: what takes a file's place in reports
  /// - Throws: `Fault` if the tensors are not the parameters of a Mask R-CNN
  package init(
    tensors: [String: Tensor], normEpsilon: Float?, name: String,
    settings: (Layout) throws(Fault) -> ModelSettings
  ) throws(Fault) {
    let found = try FileParameters(tensors, file: name)
    let layout = try found.layout(name: name)
    let parameters = try MaskRCNNParameters(
      found, layout,
      normEpsilon: normEpsilon ?? layout.assumedNormEpsilon(isFrozen: found.isTrunkFrozen),
      file: name)
    self.init(parameters, layout, settings: try settings(layout), name: name)
  }
}
