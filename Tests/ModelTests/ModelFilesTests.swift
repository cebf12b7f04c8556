import Foundation
import Tensors
import Testing
import WeightFiles

@testable import Model

/// The fault that making a model of some parameters ends with; empty if there is none.
private func fault(
  _ list: [ParameterShape], _ settings: [String: String] = [:]
) -> String {
  do {
    _ = try MaskRCNNModel(weights: weights(list), overrides: settings)
    return ""
  } catch {
    return "\(error)"
  }
}

@Suite("Names in weight files that people have")
struct NamePrefixTests {
  @Test(
    "the prefix is found by the name of the trunk's first convolution",
    arguments: ["_orig_mod.", "net.", "net.module.", "module._orig_mod.model.", ""])
  func prefixes(prefix: String) throws {
    let list = try smallNetwork()
    var tensors = weights(
      list.map { ParameterShape(prefix + $0.name, $0.shape) }
    ).tensors
    if !prefix.isEmpty {
      tensors["metric.total"] = Tensor([], [3])
      tensors["metric.num_batches_tracked"] = Tensor([], [3])
      tensors["n_averaged"] = Tensor([], [7])
    }
    let model = try MaskRCNNModel(weights: WeightFile(name: "w.pth", tensors: tensors))
    #expect(model.namePrefix == prefix)
    #expect(model.ignoredNames.count == (prefix.isEmpty ? 0 : 3))
    // Counters that are not the trunk's do not tell that its norms were trained.
    #expect(model.normEpsilonReason.contains("assumed"))
    if !prefix.isEmpty {
      #expect(model.summary.contains("all begin with \(prefix); 3 that do not"))
    }
  }

  @Test("of a part alone that torch.compile wrapped, the word in the middle is dropped")
  func compiledPart() throws {
    let list = try smallNetwork().map {
      ParameterShape(
        $0.name.replacingOccurrences(of: "backbone.", with: "backbone._orig_mod."), $0.shape)
    }
    #expect(fault(list) == "")
  }

  @Test("two networks in a file are told")
  func twoNetworks() throws {
    let list = try smallNetwork()
    let both = ["student.", "teacher."].flatMap { prefix in
      list.map { ParameterShape(prefix + $0.name, $0.shape) }
    }
    #expect(
      fault(both).contains("2 networks in the file, whose names begin with student., teacher."))
    // One without a prefix is the model itself, beside its average.
    let averaged = list + list.map { ParameterShape("average." + $0.name, $0.shape) }
    #expect(fault(averaged) == "")
  }

  @Test("a trunk that is the backbone itself")
  func bareTrunk() throws {
    let list = try smallNetwork().filter { !$0.name.hasPrefix("backbone.fpn") }.map {
      ParameterShape(
        $0.name.replacingOccurrences(of: "backbone.body.", with: "backbone."), $0.shape)
    }
    // The heads are those of the pyramid, of 8 channels; the trunk's last level has 32.
    #expect(
      fault(list).contains("rpn.head.conv.0.0.weight is [8, 8, 3, 3] instead of [32, 32, 3, 3]"))
  }
}

@Suite("Networks that cannot be run")
struct UnsupportedTests {
  private func changed(
    _ name: String, _ change: (ParameterShape) -> [ParameterShape]
  ) throws -> String {
    fault(try smallNetwork().flatMap { $0.name.contains(name) ? change($0) : [$0] })
  }

  @Test("heads of different numbers of classes: which head has how many")
  func unequalHeads() throws {
    let words = try changed("mask_fcn_logits") {
      [ParameterShape($0.name, [91] + $0.shape.dropFirst())]
    }
    #expect(words.contains("the box head has 4 classes and the mask head 91"), "\(words)")
  }

  @Test("what is not supported is called that", arguments: [1, 4])
  func stems(channels: Int) throws {
    let words = try changed("body.conv1.weight") {
      [ParameterShape($0.name, [4, channels, 7, 7])]
    }
    #expect(words.contains("the stem reads images of \(channels) channels"), "\(words)")
    #expect(words.contains("Use a Mask R-CNN with a ResNet") && !words.contains("again"))
  }

  @Test("a MobileNet is named")
  func mobileNet() throws {
    let list = try smallNetwork().filter { !$0.name.hasPrefix("backbone.body.") }
    let names = ["backbone.body.0.0.weight", "backbone.body.1.block.0.0.weight"]
    let words = fault(list + names.map { ParameterShape($0, [16, 3, 3, 3]) })
    #expect(words.contains("the trunk is a MobileNet"), "\(words)")
    #expect(!words.contains("again"))
  }

  @Test("a GroupNorm is named, in all of the network or in the pyramid alone")
  func groupNorm() throws {
    let list = try smallNetwork()
    let everywhere = list.filter { !$0.name.contains("running_") }
    #expect(fault(everywhere).contains("it is a GroupNorm or LayerNorm"))
    let pyramid = list.filter { !($0.name.contains("fpn") && $0.name.contains("running_")) }
    #expect(fault(pyramid).contains("backbone.fpn.inner_blocks.0.1 has no running mean"))
  }

  @Test(
    "names of other tools",
    arguments: [
      ("backbone.bottom_up.stem.conv1.weight", "detectron2"),
      ("module.backbone.body.stem.conv1.weight", "maskrcnn-benchmark"),
      ("roi_head.bbox_head.fc_cls.weight", "MMDetection"), ("fpn.C1.0.weight", "matterport"),
    ])
  func tools(name: String, tool: String) {
    let words = fault([ParameterShape(name, [1])])
    #expect(words.contains(tool) && words.contains("weights=\"DEFAULT\""), "\(words)")
  }
}

@Suite("What a file does not say")
struct AssumptionTests {
  /// The network with so many anchors to a cell.
  private func network(anchors: Int) throws -> [ParameterShape] {
    try smallNetwork().map { parameter in
      var shape = parameter.shape
      if parameter.name.hasPrefix("rpn.head.cls_logits") { shape[0] = anchors }
      if parameter.name.hasPrefix("rpn.head.bbox_pred") { shape[0] = 4 * anchors }
      return ParameterShape(parameter.name, shape)
    }
  }

  @Test("the epsilon of frozen norms is an assumption, whichever it is, with the way to change it")
  func epsilon() throws {
    func words(_ model: MaskRCNNModel) -> String {
      model.assumptions.map(\.description).joined(separator: "\n")
    }
    let list = try architecture("resnet50_fpn_v1")
    let coco = try MaskRCNNModel(weights: weights(list))
    #expect(words(coco).contains("norm_eps=0.0 is assumed, since torchvision's COCO weights"))
    #expect(words(coco).contains("need --set norm_eps=1e-05"))
    #expect(coco.summary.contains("need --set norm_eps=1e-05"))
    let tuned = try MaskRCNNModel(
      weights: weights(
        list.map { parameter in
          let classes = parameter.shape.map { [91: 2, 364: 8][$0] ?? $0 }
          return ParameterShape(parameter.name, classes)
        }))
    #expect(tuned.architecture.classCount == 2 && tuned.normEpsilon == 1e-5)
    #expect(words(tuned).contains("norm_eps=1e-05 is assumed"))
    #expect(words(tuned).contains("need --set norm_eps=0"))
    let given = try MaskRCNNModel(weights: weights(list), overrides: ["norm_eps": "0"])
    #expect(!words(given).contains("norm_eps"))
    let counter = ParameterShape("backbone.body.bn1.num_batches_tracked", [])
    #expect(!words(try MaskRCNNModel(weights: weights(list + [counter]))).contains("norm_eps"))
  }

  @Test("anchors that nobody named are told, and those that somebody named are not")
  func anchors() throws {
    let silent = try MaskRCNNModel(weights: weights(smallNetwork()))
    let words = silent.assumptions.map(\.description).joined()
    #expect(
      words.contains(
        "assumed: anchors.sizes=[32,64,128,256,512] and anchors.aspect_ratios=[0.5,1,2]"))
    #expect(words.contains("--set anchors.sizes=[…] --set anchors.aspect_ratios=[…]"))
    let loud = try MaskRCNNModel(weights: weights(smallNetwork(), metadata: detectorMetadata))
    #expect(loud.assumptions.isEmpty)
  }

  @Test("several sizes to a level, ratios that differ by level")
  func nested() throws {
    let sizes = "[[24,32,40],[48,64,80],[96,128,160],[192,256,320],[384,512,640]]"
    let model = try MaskRCNNModel(
      weights: weights(network(anchors: 6)),
      overrides: [
        "anchors.sizes": sizes, "anchors.aspect_ratios": "[[0.5,1],[0.4,1],[0.3,1],[2,1],[1,3]]",
      ])
    #expect(model.settings.anchorSizes.levels[1] == [48, 64, 80])
    #expect(model.settings.anchorAspectRatios[4] == [1, 3])
    #expect(model.summary.contains("\(sizes) (anchors.sizes: command line)"))
    let metadata = try model.settings.metadata(normEpsilon: 0)
    #expect(metadata["anchors.sizes"]?.hasPrefix("[[24") == true)
    let again = try MaskRCNNModel(
      weights: weights(network(anchors: 6), metadata: metadata))
    #expect(again.settings == model.settings)
  }

  @Test("anchors that do not fit are named as --set takes them, since a .pth has no metadata")
  func setting() throws {
    let list = try network(anchors: 9)
    let words = fault(list)
    #expect(words.hasPrefix("w.pth: 1 sizes in 3 aspect ratios on P2"), "\(words)")
    #expect(words.contains("9 anchors per cell"))
    #expect(words.contains("--set anchors.sizes=[…] and --set anchors.aspect_ratios=[…]"))
    #expect(!words.contains("metadata"))
    for (sizes, ratios) in [
      ("[[1,2,3],[1,2,3]]", "[1,2,3]"), ("[[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2]]", "[1,2,3]"),
      ("[1,2,3,4,5]", "[[1,2,3],[1,2,3]]"), ("[[1],[],[1],[1],[1]]", "[1,2,3]"),
    ] {
      #expect(fault(list, ["anchors.sizes": sizes, "anchors.aspect_ratios": ratios]) != "")
    }
  }

  @Test(
    "RoI settings that make no sense are named",
    arguments: [
      ("roi.mask_bins", "0"), ("roi.mask_bins", "7.5"), ("roi.canonical_scale", "0"),
      ("roi.canonical_level", "-1"), ("roi.levels", "[2,4]"), ("roi.levels", "[5,6,7]"),
      ("roi.levels", "[]"), ("roi.operator", "RoIPool"), ("roi.sampling_ratio", "1.5"),
      ("roi.sampling_ratio", "17"), ("roi.aligned", "yes"), ("roi.reduction", "mean"),
    ])
  func senseless(key: String, value: String) throws {
    #expect(fault(try smallNetwork(), [key: value]).hasPrefix("\(key): "))
  }
}

@Suite("Levels")
struct LevelTests {
  /// The file's model, with anchors where its shapes do not fit torchvision's.
  private func model(_ name: String, _ settings: [String: String] = [:]) throws -> MaskRCNNModel {
    try MaskRCNNModel(contentsOf: fixture("model-files/\(name)"), overrides: settings)
  }

  @Test("the levels follow from the shapes")
  func levels() throws {
    let fewer = try model("returned_layers.pth")
    #expect(fewer.backbone.levels == 3...5 && fewer.settings.roi.levels == 3...4)
    #expect(fewer.settings.anchorSizes == [64, 128, 256])
    #expect(fewer.summary.contains("P3 to P5, 8 channels") && fewer.backbone.layers.count == 3)
    #expect(fewer.summary.contains("P5 is every second cell of P4"))

    let seven = try model("p6p7.pth")
    #expect(seven.backbone.levels == 2...7 && seven.settings.roi.levels == 2...5)
    #expect(seven.backbone.coarse.map(\.stride) == [2, 2] && !seven.backbone.coarseReadsPyramid)
    #expect(seven.summary.contains("P6 and P7 by 3x3 convolutions of stride 2 on C5"))

    for (name, level, channels) in [("c4.pth", 4, 8), ("c5.pth", 5, 16)] {
      let single = try model(name)
      #expect(single.backbone.levels == level...level && single.backbone.channels == channels)
      #expect(single.settings.roi.levels == level...level)
      #expect(single.settings.anchorSizes.levels == [[32, 64, 128, 256, 512]])
      #expect(
        single.summary.contains("none: C\(level), of stride \(1 << level), is the only level"))
    }
    let five = try model("roi_sizes.pth")
    #expect(five.parameters.boxBins == 5 && five.summary.contains("from 5x5 cells"))
    #expect(try model("frozen.pth").parameters.boxBins == 7)
  }

  @Test("a file of each kind is written and read again as it was")
  func saved() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "levels-\(ProcessInfo.processInfo.processIdentifier)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for name in ["returned_layers.pth", "p6p7.pth", "c4.pth", "roi_sizes.pth"] {
      let settings =
        name == "roi_sizes.pth" ? ["roi.mask_bins": "10", "roi.levels": "[3,4,5]"] : [:]
      let model = try model(name, settings)
      let file = folder.appending(path: name + ".safetensors")
      try model.save(to: file)
      let again = try MaskRCNNModel(contentsOf: file)
      #expect(again.settings == model.settings && again.architecture == model.architecture)
      #expect(
        zip(again.parameters.parameters, model.parameters.parameters).allSatisfy {
          $0.slot == $1.slot && $0.value == $1.value
        })
    }
  }
}
