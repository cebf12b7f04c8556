import Tensors

extension Layout {
  /// Reads the layout from the shapes of parameters under their new names.
  ///
  /// Several parameters tell each number, and the majority decides: one misshapen parameter is then
  /// found as the one that does not fit, and not the many that do.
  init(shapes: [String: Shape]) {
    let ballot = Ballot(shapes: shapes)
    let body = "backbone.body"
    let isBottleneck = shapes.keys.contains {
      $0.hasPrefix("\(body).layer") && $0.hasSuffix(".conv3.weight")
    }
    self.isBottleneck = isBottleneck
    blocks = (1...4).map { ballot.count(of: "\(body).layer\($0)") }
    stemChannels = ballot.elect(
      ballot.outputs(of: "\(body).conv1", norm: "\(body).bn1")
        + [ballot.extent("\(body).layer1.0.conv1.weight", 1)])
    let last = isBottleneck ? 3 : 2
    var widths: [Int] = []
    var outputs: [Int] = []
    var groups: [Int?] = []
    for layer in 1...4 {
      var width: [Int?] = []
      var output: [Int?] = []
      for block in 0..<blocks[layer - 1] {
        let name = "\(body).layer\(layer).\(block)"
        width += ballot.outputs(of: "\(name).conv1", norm: "\(name).bn1")
        if isBottleneck { width += ballot.outputs(of: "\(name).conv2", norm: "\(name).bn2") }
        width.append(ballot.extent("\(name).conv\(last).weight", 1))
        output += ballot.outputs(of: "\(name).conv\(last)", norm: "\(name).bn\(last)")
        output += ballot.outputs(of: "\(name).downsample.0", norm: "\(name).downsample.1")
        if block > 0 { output.append(ballot.extent("\(name).conv1.weight", 1)) }
      }
      output.append(ballot.extent("backbone.fpn.inner_blocks.\(layer - 1).0.weight", 1))
      widths.append(ballot.elect(width))
      outputs.append(ballot.elect(output))
      for block in 0..<blocks[layer - 1] {
        let perGroup = ballot.extent("\(body).layer\(layer).\(block).conv2.weight", 1)
        groups.append(
          perGroup.flatMap { widths[layer - 1] % $0 == 0 ? widths[layer - 1] / $0 : nil })
      }
    }
    self.widths = widths
    self.outputs = outputs
    self.groups = isBottleneck ? ballot.elect(groups) : 1

    let pyramid = ballot.elect(
      ["inner_blocks", "layer_blocks"].flatMap { part in
        (0..<4).flatMap { index in
          let name = "backbone.fpn.\(part).\(index)"
          return ballot.outputs(of: "\(name).0", norm: "\(name).1")
        }
      })
    let four = [Int](repeating: pyramid, count: 4)
    inner = ballot.row("backbone.fpn.inner_blocks", channels: four)
    outer = ballot.row("backbone.fpn.layer_blocks", channels: four)
    rpn = ballot.row("rpn.head.conv", atLeast: 1)
    // These convolutions hand on as many channels as they receive.
    rpn.channels = rpn.channels.map { _ in pyramid }
    anchors = ballot.elect(
      ballot.outputs(of: "rpn.head.cls_logits")
        + ballot.outputs(of: "rpn.head.bbox_pred").map { $0.map { $0 / 4 } })

    let box = "roi_heads.box_head"
    boxConvolutions = ballot.row(box)
    let features = ballot.extent("roi_heads.box_predictor.cls_score.weight", 1)
    boxLayersAreNamed =
      boxConvolutions.channels.isEmpty || shapes.keys.contains { $0.hasPrefix("\(box).fc") }
    if boxLayersAreNamed {
      boxLayers = [
        ballot.elect(ballot.outputs(of: "\(box).fc6") + [ballot.extent("\(box).fc7.weight", 1)]),
        ballot.elect(ballot.outputs(of: "\(box).fc7") + [features]),
      ]
    } else {
      var number = boxConvolutions.channels.count + 1
      boxLayers = [ballot.elect(ballot.outputs(of: "\(box).\(number)") + [features])]
      while shapes["\(box).\(number + 2).weight"] != nil {
        number += 2
        boxLayers.append(ballot.elect(ballot.outputs(of: "\(box).\(number)")))
      }
    }
    maskConvolutions = ballot.row("roi_heads.mask_head", atLeast: 1)
    let predictor = "roi_heads.mask_predictor"
    upsamplingChannels = ballot.elect([
      ballot.extent("\(predictor).conv5_mask.weight", 1),
      ballot.extent("\(predictor).conv5_mask.bias", 0),
      ballot.extent("\(predictor).mask_fcn_logits.weight", 1),
    ])
    classes = ballot.elect(
      ballot.outputs(of: "roi_heads.box_predictor.cls_score")
        + ballot.outputs(of: "\(predictor).mask_fcn_logits")
        + ballot.outputs(of: "roi_heads.box_predictor.bbox_pred").map { $0.map { $0 / 4 } })
  }
}

/// What the shapes say of a number, and how a number is chosen where they disagree.
private struct Ballot {
  let shapes: [String: Shape]

  /// One extent of a parameter, if it is there and no larger than any network's.
  func extent(_ name: String, _ axis: Int) -> Int? {
    guard let shape = shapes[name], axis < shape.rank, (1...1 << 20).contains(shape[axis]) else {
      return nil
    }
    return shape[axis]
  }

  /// What weight, bias and norm of a layer say of the number of its outputs.
  func outputs(of layer: String, norm: String? = nil) -> [Int?] {
    var votes = [extent("\(layer).weight", 0), extent("\(layer).bias", 0)]
    if let norm {
      votes += ["weight", "bias", "running_mean", "running_var"].map { extent("\(norm).\($0)", 0) }
    }
    return votes
  }

  /// The most frequent vote; among equals the first; 1 if there is none.
  func elect(_ votes: [Int?]) -> Int {
    let cast = votes.compactMap(\.self)
    var counts: [Int: Int] = [:]
    for vote in cast { counts[vote, default: 0] += 1 }
    let most = counts.values.max() ?? 0
    return cast.first { counts[$0] == most } ?? 1
  }

  /// How many numbers follow a name: `layer1.0.…`, `layer1.1.…`
  func count(of owner: String) -> Int {
    Set(shapes.keys.compactMap { number(in: $0, after: owner) }).count
  }

  private func number(in name: String, after owner: String) -> Int? {
    guard name.hasPrefix(owner + ".") else { return nil }
    return Int(name.dropFirst(owner.count + 1).prefix { $0 != "." })
  }

  /// A row of convolutions `owner.0.0`, `owner.1.0`, … with norms `owner.0.1`, …
  func row(_ owner: String, channels: [Int]? = nil, atLeast least: Int = 0) -> Layout.Row {
    let suffixes = shapes.keys.filter { $0.hasPrefix(owner + ".") }.map {
      $0.dropFirst(owner.count + 1).split(separator: ".")
    }.filter { $0.count == 3 }
    let numbers = Set(suffixes.compactMap { Int($0[0]) })
    let hasNorm = suffixes.contains { $0[1] == "1" }
    return Layout.Row(
      channels: channels
        ?? (0..<max(numbers.count, least)).map {
          elect(outputs(of: "\(owner).\($0).0", norm: "\(owner).\($0).1"))
        },
      // A convolution without a norm always has a bias.
      hasBias: !hasNorm || suffixes.contains { $0[1] == "0" && $0[2] == "bias" },
      hasNorm: hasNorm)
  }
}
