import Foundation
import Tensors
import Testing
import WeightFiles

@testable import Model

@Suite("The parameter tree")
struct ParameterTreeTests {
  /// A small network, by seed.
  func model(seed: UInt64 = 1) throws -> MaskRCNNModel {
    try MaskRCNNModel(
      weights: SeededWeights.generate(smallNetwork(), seed: seed, metadata: detectorMetadata))
  }

  @Test(
    "has torchvision's parameters, in the order of its state_dict()",
    arguments: [
      "nuclei", "resnet50_fpn_v1", "resnet50_fpn_v2", "resnet101_fpn", "resnext50_32x4d_fpn",
    ])
  func order(name: String) throws {
    let list = try architecture(name)
    let shapes = Dictionary(uniqueKeysWithValues: list.map { ($0.name, Shape($0.shape)) })
    let slots = Layout(shapes: shapes).slots
    #expect(slots.map { ParameterShape($0.name, $0.shape.extents) } == list)
  }

  @Test("lists what it was loaded from, with what each parameter does")
  func listing() throws {
    let file = SeededWeights.generate(try smallNetwork(), seed: 1)
    let parameters = try MaskRCNNModel(weights: file).parameters.parameters
    #expect(parameters.count == file.tensors.count)
    for (slot, value) in parameters {
      #expect(value == file.tensors[slot.name] && slot.shape == value.shape, "\(slot.name)")
      // Written by another rule than the tree's.
      let norms = [".bn", ".downsample.1.", ".0.1.", ".1.1.", ".2.1.", ".3.1."]
      let isOfNorm = norms.contains { slot.name.contains($0) }
      let expected: ParameterKind =
        if slot.name.hasSuffix(".running_mean") {
          .runningMean
        } else if slot.name.hasSuffix(".running_var") {
          .runningVariance
        } else if slot.name.hasSuffix(".weight") {
          value.shape.rank == 1 ? .normScale : .weight
        } else {
          isOfNorm ? .normShift : .bias
        }
      #expect(slot.kind == expected, "\(slot.name)")
    }
    let learned = file.tensors.filter { !$0.key.contains("running_") }
    #expect(
      try MaskRCNNModel(weights: file).parameters.learnedCount
        == learned.reduce(0) { $0 + $1.value.count })
  }

  @Test("an update replaces what it is given, and leaves the rest as it was packed")
  func update() throws {
    let before = try model().parameters
    var tree = before
    tree.update { slot, value in
      slot.name == "backbone.body.layer2.0.downsample.0.weight" ? value.map { $0 + 1 } : nil
    }
    let (old, new) = (before.backbone.layers[1][0], tree.backbone.layers[1][0])
    #expect(new.shortcut?.weight == old.shortcut?.weight.map { $0 + 1 })
    #expect(new.shortcut?.packed !== old.shortcut?.packed)
    #expect(new.shortcut?.norm?.weight == old.shortcut?.norm?.weight)
    #expect(new.branch[0].packed === old.branch[0].packed)
    #expect(tree.boxHead.layers[0].packed === before.boxHead.layers[0].packed)
    let changed = zip(before.parameters, tree.parameters).filter { $0.value != $1.value }
    #expect(changed.map(\.0.slot.name) == ["backbone.body.layer2.0.downsample.0.weight"])
  }

  @Test("an error ends an update and leaves with its type")
  func failing() throws {
    struct Stop: Error { var name: String }
    var tree = try model().parameters
    let stop = #expect(throws: Stop.self) {
      try tree.update { (slot, value) throws(Stop) -> Tensor? in
        if slot.kind == .bias { throw Stop(name: slot.name) }
        return nil
      }
    }
    #expect(stop?.name == "rpn.head.conv.0.0.bias")
  }

  @Test("two and three trees are gone through together: descent with momentum, by hand")
  func descent() {
    // One layer of one input and one output, w = 2, b = 1, and gradients 3 and -1, twice.
    var parameters = Linear(name: "l", weight: Tensor([1, 1], [2]), bias: Tensor([1], [1]))
    let gradients = Linear(weight: Tensor([1, 1], [3]), bias: Tensor([1], [-1]))
    var momentum = parameters.zeros
    #expect(momentum.weight.values == [0] && momentum.bias?.values == [0])
    for _ in 0..<2 {
      // v = 0.5 v + g + 0.25 w (weight decay, not on the bias)
      momentum.update(with: gradients, parameters) { slot, v, g, w in
        let decay: Float = slot.kind == .weight ? 0.25 : 0
        return Tensor(
          v.shape, [0.5 * v.values[0] + g.values[0] + decay * w.values[0]])
      }
      // w = w - 0.5 v
      parameters.update(with: momentum) { _, w, v in
        Tensor(w.shape, [w.values[0] - 0.5 * v.values[0]])
      }
    }
    // v: 3.5, then 1.75 + 3 + 0.25 · 0.25 = 4.8125;  w: 0.25, then 0.25 - 2.40625
    #expect(momentum.weight.values == [4.8125] && parameters.weight.values == [-2.15625])
    // v: -1, then -1.5;  b: 1.5, then 2.25
    #expect(momentum.bias?.values == [-1.5] && parameters.bias?.values == [2.25])
    #expect(parameters.name == "l")
  }

  @Test("trees of different layers do not go together")
  func different() async {
    await #expect(processExitsWith: .failure) {
      var one = Linear(weight: Tensor([1, 1], [2]), bias: Tensor([1], [1]))
      one.update(with: Linear(weight: Tensor([1, 1], [2]), bias: nil)) { _, _, _ in nil }
    }
    await #expect(processExitsWith: .failure) {
      var one = Linear(weight: Tensor([1, 1], [2]), bias: nil)
      one.update(with: Linear(weight: Tensor([1, 1], [2]), bias: Tensor([1], [1]))) { _, _, _ in
        nil
      }
    }
  }

  @Test("what is saved is loaded with the same bits and the same settings")
  func saving() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "saved.safetensors")
    var model = try model()
    // Bits that do not survive a detour by way of decimal text or 16 bits.
    model.parameters.update { slot, value in
      slot.kind == .normShift ? value.map { ($0 + 0x1p-23) * 0x1.000002p0 } : nil
    }
    try model.save(to: file)
    let read = try MaskRCNNModel(contentsOf: file)
    for (saved, loaded) in zip(model.parameters.parameters, read.parameters.parameters) {
      #expect(saved.slot == loaded.slot)
      #expect(
        saved.value.values.map(\.bitPattern) == loaded.value.values.map(\.bitPattern),
        "\(saved.slot.name)")
    }
    #expect(read.parameters.parameters.count == model.parameters.parameters.count)
    #expect(read.settings == model.settings && read.normEpsilon == model.normEpsilon)
    #expect(read.settingOrigins.filter { $0.value == .standard }.map(\.key) == ["category_ids"])
    // Every setting has a key in the file but the second way to resize, and the categories' numbers
    // where they are the classes'.
    let keys = Set(SettingsReader.keys)
      .subtracting(["input.min_size", "input.max_size", "category_ids"])
    #expect(Set(try WeightFile.read(file).metadata.keys) == keys.union(["format"]))

    var sides = try MaskRCNNModel(weights: weights(smallNetwork()))
    sides.settings.resize = .sides(shorter: 640, longer: 1000)
    sides.settings.categoryIDs = (0..<sides.architecture.classCount).map { 3 * $0 }
    try sides.save(to: file)
    #expect(try MaskRCNNModel(contentsOf: file).settings == sides.settings)
  }

  @Test("a parameter that is NaN is not saved, and what was there stays")
  func savingNaN() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    var model = try model()
    try model.save(to: file)
    let before = try Data(contentsOf: file)
    model.rpnHead.objectness.bias?.values[0] = .nan
    let fault = #expect(throws: Fault.self) { try model.save(to: file) }
    #expect(fault?.description.contains("rpn.head.cls_logits.bias") == true)
    #expect(try Data(contentsOf: file) == before)
  }

  @Test("a network is drawn parameter by parameter, each by what it is")
  func drawing() throws {
    let layout = try model().architecture.layout
    var order: [String] = []
    let tree = try MaskRCNNParameters(layout, normEpsilon: 1e-5) { slot in
      order.append(slot.name)
      switch slot.kind {
      case .normScale, .runningVariance: return Tensor(slot.shape, repeating: 1)
      case .weight: return Tensor(slot.shape, repeating: Float(slot.shape[1]))
      default: return Tensor(slot.shape, repeating: 0)
      }
    }
    #expect(order == tree.parameters.map(\.slot.name) && order == layout.slots.map(\.name))
    #expect(tree.backbone.stem.weight.values[0] == 3 && tree.backbone.stem.norm?.epsilon == 1e-5)
    #expect(tree.maskHead.logits.bias?.values == [0, 0, 0, 0])
    let model = MaskRCNNModel(tree, layout, settings: ModelSettings(), name: "drawn")
    #expect(model.architecture.classCount == 4 && model.source == "drawn")
    #expect(model.settings.classNames.count == 4 && model.normEpsilon == 1e-5)
  }
}
