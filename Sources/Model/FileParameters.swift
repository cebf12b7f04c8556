import Tensors

/// A network's parameters in a weight file, under the names that today's torchvision gives them,
/// without what else the file holds.
struct FileParameters {
  /// The parameters and statistics, the step counters of batch norms left out.
  private(set) var tensors: [String: Tensor] = [:]
  /// What the file puts before every parameter's name, `module.`: wrappers of a model do.
  let prefix: String
  /// The names in the file that do not begin so, in order: metrics, counters of averaged models.
  private(set) var ignored: [String] = []
  /// Whether the trunk's batch norms count no steps, as torchvision's frozen ones do not.
  private(set) var isTrunkFrozen = true

  /// Finds the prefix by the name of the trunk's first convolution.
  ///
  /// - Throws: `Fault` if several networks are in the file
  init(_ tensors: [String: Tensor], file: String) throws(Fault) {
    let prefixes = Set(tensors.keys.compactMap(Self.prefix))
    guard prefixes.count < 2 || prefixes.contains("") else {
      let list = prefixes.sorted().map { $0.quoted }.joined(separator: ", ")
      throw Fault(
        file, "there are \(prefixes.count) networks in the file, whose names begin with \(list)",
        remedy: "Save the one that is meant alone, in Python: torch.save({k: v for k, v in "
          + "tensors.items() if k.startswith(\"\(prefixes.min() ?? "")\")}, new_path)")
    }
    let prefix =
      prefixes.contains("") ? "" : prefixes.first ?? Self.shared(Array(tensors.keys))
    self.prefix = prefix
    var bare: [String: Tensor] = [:]
    for (name, tensor) in tensors {
      guard name.hasPrefix(prefix),
        !prefixes.contains(where: { $0.count > prefix.count && name.hasPrefix($0) })
      else {
        ignored.append(name)
        continue
      }
      bare[Self.withoutCompiler(String(name.dropFirst(prefix.count)))] = tensor
    }
    ignored.sort()
    // A trunk that is the backbone itself, not a part of it.
    let isBare = bare["\(ParameterNames.stem).weight"] == nil
    for (name, tensor) in bare {
      let name = isBare ? Self.inBody(name) : name
      if OlderNames.isCounter(name) {
        if name.hasPrefix(ParameterNames.body + ".") { isTrunkFrozen = false }
        continue
      }
      let new = OlderNames.renamed(name)
      // Where a file has both names, the older one stays as it is and is reported as too much.
      self.tensors[new != name && bare[new] != nil ? name : new] = tensor
    }
  }

  /// What precedes the name of a trunk's first convolution; nil for any other name.
  private static func prefix(of name: String) -> String? {
    guard name.hasSuffix("conv1.weight") else { return nil }
    let words = name.split(separator: ".", omittingEmptySubsequences: false)
    for stem in ["\(ParameterNames.stem).weight", "backbone.conv1.weight"] {
      var rest = words[...]
      let isStem = stem.split(separator: ".").reversed().allSatisfy { word in
        // torch.compile puts its word before the names of whatever part it wraps.
        while rest.last == compiler { rest.removeLast() }
        return rest.popLast() == word
      }
      if isStem { return rest.map { $0 + "." }.joined() }
    }
    return nil
  }

  private static let compiler: Substring = "_orig_mod"

  private static func withoutCompiler(_ name: String) -> String {
    name.split(separator: ".", omittingEmptySubsequences: false).filter { $0 != compiler }
      .joined(separator: ".")
  }

  /// The words of wrappers that all names share, where no trunk's name tells them.
  private static func shared(_ names: [String]) -> String {
    ["module.", "model."].first { prefix in names.allSatisfy { $0.hasPrefix(prefix) } } ?? ""
  }

  /// `backbone.layer1.…` as `backbone.body.layer1.…`.
  private static func inBody(_ name: String) -> String {
    let isTrunk = ["conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4."].contains {
      name.hasPrefix("backbone." + $0)
    }
    return isTrunk ? ParameterNames.body + name.dropFirst("backbone".count) : name
  }
}
