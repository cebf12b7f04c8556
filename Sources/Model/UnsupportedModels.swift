import Tensors
import WeightFiles

// Models that people have in weight files and that this package cannot run: what they are, and what
// to do instead.

extension MaskRCNNModel {
  /// What cannot be helped by saving a model again.
  private static let otherNetwork =
    "Use a Mask R-CNN with a ResNet or ResNeXt, batch norm and RGB input, as torchvision's "
    + "maskrcnn_resnet50_fpn has"

  /// Other things that people have in weight files, told by their names.
  static func otherModel(_ tensors: [String: Tensor], name: String) -> Fault? {
    func has(_ prefix: String) -> Bool { tensors.keys.contains { $0.hasPrefix(prefix) } }
    func other(_ problem: String) -> Fault { Fault(name, problem, remedy: otherNetwork) }
    let remedy = "Give the weights of a Mask R-CNN with torchvision's parameter names"
    if tensors.isEmpty { return Fault(name, "there are no tensors in the file", remedy: remedy) }
    for (prefix, tool) in [
      ("backbone.bottom_up.", "detectron2"), ("backbone.body.stem.", "maskrcnn-benchmark"),
      ("roi_heads.box.feature_extractor.", "maskrcnn-benchmark"), ("roi_head.", "MMDetection"),
      ("fpn.C1.", "the PyTorch copy of matterport's Mask R-CNN"),
    ] where has(prefix) {
      return Fault(
        name, "the parameters have the names of \(tool), whose networks compute otherwise",
        remedy: otherToolRemedy)
    }
    if has("layer1.0.") || has("body.layer1.0.") {
      return Fault(
        name, "this is a backbone alone, not a whole Mask R-CNN", remedy: remedy)
    }
    guard has("backbone.") else {
      let first = tensors.keys.sorted().prefix(4).joined(separator: ", ")
      return Fault(name, "this is no Mask R-CNN; its tensors are called \(first)", remedy: remedy)
    }
    if has("roi_heads.keypoint_") {
      return Fault(name, "this is a Keypoint R-CNN, it makes no masks", remedy: remedy)
    }
    if !has("roi_heads.mask_") {
      return Fault(name, "there is no mask head: this is a Faster R-CNN", remedy: remedy)
    }
    let stem = "\(ParameterNames.stem).weight"
    guard tensors[stem] != nil || has("\(ParameterNames.body).layer") else {
      // Both of torchvision's MobileNets begin with a convolution called 0.0.
      let isMobile = has("\(ParameterNames.body).0.0.") || has("backbone.0.0.")
      let first = tensors.keys.filter { $0.hasPrefix("backbone.") }.min() ?? ""
      return other(
        "the trunk is \(isMobile ? "a MobileNet" : "no ResNet"), its parameters are called "
          + "\(first.quoted), and only ResNet and ResNeXt are supported")
    }
    if let weight = tensors[stem], weight.shape.rank == 4, weight.shape[1] != 3 {
      return other(
        "the stem reads images of \(weight.shape[1]) channels (\(stem) is \(weight.shape)), and "
          + "only RGB images, of 3, are supported")
    }
    return norms(tensors, name: name)
  }

  /// Norms without statistics of their own.
  private static func norms(_ tensors: [String: Tensor], name: String) -> Fault? {
    let norms = tensors.filter { $0.key.hasSuffix(".weight") && $0.value.shape.rank == 1 }.keys
      .sorted()
    func hasStatistics(_ weight: String) -> Bool {
      let kinds: [ParameterKind] = [.runningMean, .runningVariance]
      return kinds.contains {
        tensors[String(weight.dropLast("weight".count)) + $0.suffix] != nil
      }
    }
    guard let first = norms.first(where: { !hasStatistics($0) }) else { return nil }
    let isAll = norms.allSatisfy { !hasStatistics($0) }
    // Where only some are without, parameters are missing; that is told by their names.
    guard isAll || !first.hasPrefix(ParameterNames.body + ".") else { return nil }
    return Fault(
      name,
      "the norm \(String(first.dropLast(".weight".count)).quoted) has no running mean and variance: it is a "
        + "GroupNorm or LayerNorm, and only batch norm is supported", remedy: otherNetwork)
  }

  /// Heads that predict for different numbers of classes, which torchvision allows to construct.
  static func unequalHeads(_ shapes: [String: Shape], name: String) -> Fault? {
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
  static func compare(
    _ shapes: [String: Shape], with slots: [ParameterSlot], _ architecture: Architecture,
    name: String
  ) throws {
    let wanted = Set(slots.map(\.name))
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
