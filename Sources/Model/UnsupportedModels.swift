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
}
